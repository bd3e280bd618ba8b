"""A real Slurm: one node or several on the loopback, every file of it in one folder, ended with its user.

The tests use it, too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

READY_WITHIN_S = 30.0
GONE_WITHIN_S = 10.0
# The PATH of a user often lacks the folders of the daemons.
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))

CONFIGURATION = """
ClusterName=holter
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A job that is put back into the queue waits until its old credential has expired: two minutes without this.
AuthInfo=socket={folder}/munge/socket,cred_expire=6
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/{track}
TaskPlugin=task/none
SelectType=select/linear
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
SlurmdTimeout={timeout}
SchedulerParameters=sched_interval=2,bf_interval=2
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
{more}
"""
NEEDED = ("slurmctld", "slurmd", "munged", "sbatch", "unshare")


class Slurm:
    """One that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}  # by node
        self.variables = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def submit(self, script: Path, variables: dict[str, str], *options: str) -> str:
        """Submit a script; return the job's number."""
        command = ["sbatch", "--parsable", *options, str(script)]
        answer = subprocess.run(command, env={**self.variables, **variables}, capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def job(self, number: str) -> dict[str, str]:
        """Return what ``scontrol`` says of a job: JobState, Restarts, ExitCode, …"""
        answer = self.control("show", "job", "-o", number)
        return dict(word.partition("=")[::2] for word in answer.split() if "=" in word)

    def control(self, *arguments: str) -> str:
        """Return the answer of ``scontrol``."""
        answer = subprocess.run(["scontrol", *arguments], env=self.variables, capture_output=True, text=True)
        return answer.stdout

    def is_over(self) -> bool:
        """Return whether no job waits or runs; False if Slurm does not answer."""
        answer = self.control("show", "job", "-o")
        busy = ("PENDING", "RUNNING", "COMPLETING", "REQUEUED")
        return bool(answer) and not any(f"JobState={state}" in answer for state in busy)

    def start_node(self, name: str) -> None:
        """Start the daemon of a node that was killed."""
        arguments = ("-N", name, "-D", "-f", str(self.folder / "slurm.conf"))
        self.daemons[name] = _start(self.folder, "slurmd", *arguments, env=self.variables, host=name)

    def kill_node(self, name: str) -> None:
        """Let a node die at once, with everything that runs on it."""
        self.daemons[name].kill()
        self.daemons[name].wait()
        # First what would report the end of the job: a node that loses its power reports nothing.
        for is_theirs in (self._writes, self._is_on):
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if is_theirs(name, process):
                        process.kill()

    def _writes(self, node: str, process: psutil.Process) -> bool:
        return str(self.folder / f"slurmd-{node}.log") in {file.path for file in process.open_files()}

    def _is_on(self, node: str, process: psutil.Process) -> bool:
        # Another Slurm of this machine may have a node of this name.
        wanted = {"SLURM_CONF": self.variables["SLURM_CONF"], "SLURMD_NODENAME": node}
        return bool(wanted.items() <= process.environ().items())

    def logs(self) -> str:
        """Return the ends of the logs of all daemons."""
        return "".join(f"\n--- {file.name}\n{file.read_text()[-3000:]}" for file in self.folder.glob("slurm*.log"))


@contextlib.contextmanager
def running(folder: Path, nodes: Sequence[str] = (), more: str = "", track: str = "linuxproc") -> Iterator[Slurm]:
    """Start the daemons; whatever happens, they and all that they started are ended, each by its number.

    ``nodes``: names of nodes, which are host names in namespaces of their own; empty for one, this host.
    ``more``: lines of slurm.conf. ``track``: how Slurm finds the processes of a job; with "pgid", as with the control
    groups of real clusters, it kills them once the script of the job has ended.
    """
    (folder / "munge").mkdir(parents=True, mode=0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    slurm = Slurm(folder)
    host = socket.gethostname().partition(".")[0]
    names = nodes or (host,)
    port, *ports = _free_ports(1 + len(names))
    lines = [
        f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={own} CPUs=1 State=UNKNOWN"
        for name, own in zip(names, ports, strict=True)
    ]
    # A node that does not answer for so long is dead. One alone is never meant to die: this machine may be busy.
    timeout = 20 if nodes else 300
    text = CONFIGURATION.format(
        folder=folder, host=host, controller_port=port, nodes="\n".join(lines), timeout=timeout, more=more, track=track
    )
    (folder / "slurm.conf").write_text(text)
    started: list[subprocess.Popen[bytes]] = []
    try:
        _start_munge(folder, started)
        foreground = ("-D", "-f", str(folder / "slurm.conf"))
        started.append(_start(folder, "slurmctld", *foreground, env=slurm.variables))
        for name in names:
            own = ("-N", name, *foreground)
            slurm.daemons[name] = _start(folder, "slurmd", *own, env=slurm.variables, host=name if nodes else None)
            started.append(slurm.daemons[name])
        _wait_for_nodes(slurm, started, len(names))
        yield slurm
    finally:
        subprocess.run(["scancel", "--user=root"], env=slurm.variables, capture_output=True)
        until_s = time.monotonic() + GONE_WITHIN_S
        while "JobState=RUNNING" in (answer := slurm.control("show", "job")) or "JobState=COMPLETING" in answer:
            if time.monotonic() > until_s:
                break
            time.sleep(0.2)
        _end(folder, [*started, *(each for each in slurm.daemons.values() if each not in started)])


def is_installed() -> bool:
    """Return whether this machine can run one, and this user may."""
    return os.geteuid() == 0 and all(shutil.which(name, path=PATH) for name in NEEDED)


def _start_munge(folder: Path, started: list[subprocess.Popen[bytes]]) -> None:
    own = folder / "munge"
    key = own / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    files = {name: own / name for name in ("socket", "pid-file", "log-file", "seed-file")}
    options = [f"--{name}={file}" for name, file in files.items()]
    started.append(_start(folder, "munged", "--foreground", "--force", f"--key-file={key}", *options, env=None))
    _wait(files["socket"].exists, started, "munged")


def _start(
    folder: Path, name: str, *arguments: str, env: dict[str, str] | None, host: str | None = None
) -> subprocess.Popen[bytes]:
    program = shutil.which(name, path=PATH)
    assert program is not None, name
    command = [program, *arguments]
    if host is not None:
        command = ["unshare", "--uts", "sh", "-c", f'hostname {host} && exec "$@"', "sh", *command]
    with (folder / f"{name}-{host or ''}.out").open("wb") as out:
        return subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for endpoint in sockets:
            endpoint.bind(("127.0.0.1", 0))
        return [endpoint.getsockname()[1] for endpoint in sockets]


def _wait_for_nodes(slurm: Slurm, started: list[subprocess.Popen[bytes]], count: int) -> None:
    _wait(lambda: slurm.control("show", "node").count("State=IDLE") == count, started, "a node", slurm)


def _wait(
    is_so: Callable[[], bool], started: list[subprocess.Popen[bytes]], what: str, slurm: Slurm | None = None
) -> None:
    until_s = time.monotonic() + READY_WITHIN_S
    while not is_so():
        ended = [process.args for process in started if process.poll() is not None]
        late = time.monotonic() > until_s
        assert not ended and not late, f"{what} is not ready; ended: {ended}{slurm.logs() if slurm else ''}"
        time.sleep(0.2)


def _end(folder: Path, started: list[subprocess.Popen[bytes]]) -> None:
    """End the daemons in order, then what they started and still runs: it has our configuration or a log of ours."""
    for daemon in reversed(started):
        daemon.terminate()
        try:
            daemon.wait(GONE_WITHIN_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            is_theirs = process.environ().get("SLURM_CONF") == str(folder / "slurm.conf")
            logs = map(str, folder.glob("slurm*.log"))
            if is_theirs or {file.path for file in process.open_files()} & {*logs}:
                process.kill()
