"""``holter attach``: record a training that is already running or stalled, without any preparation."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from holter.errors import AlreadyRecorded, NoSuchProcess, NotATraining, NotOurProcess
from holter.linux.procfs import read_text
from holter.probes.machine.environment import process_command, process_environ
from holter.records import Tick
from holter.reports.quiet import no_training
from holter.sentences import NOTHING_TOUCHED, define
from holter.supervisor.leftovers import collect_in_background
from holter.supervisor.recording.abilities import TORCH_WORKER, Terms
from holter.supervisor.recording.clock import LINGER_S, TICK_S, RunClock
from holter.supervisor.recording.listener import Listener
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.recording.registrar import Registrar
from holter.supervisor.recording.scratch import Scratch, is_scratch, scratch_of_process
from holter.supervisor.recording.tape_place import DefaultTape, open_tape
from holter.supervisor.recording.whose_tape import tape_of
from holter.supervisor.registry_process import entry_writer
from holter.supervisor.result import RunResult
from holter.texts.resume_command import resume_command
from holter.texts.training_command import parse_training_command

NO_PROCESS = define("error.no-process", "There is no process {pid}.")
LIST_TRAININGS = define(
    "next.list-trainings",
    "pgrep -af nnUNetv2_train lists the trainings of this machine, and holter list those started with holter train.",
)
NOT_OURS = define("error.not-ours", "Process {pid} belongs to {user}, and you are not allowed to look into it.")
AS_THAT_USER = define("next.as-that-user", "Run holter attach as that user, or as root.")
SEVERAL = define("error.several-trainings", "{count} trainings run below process {pid}: {pids}.")
NO_TRAINING = define(
    "error.no-training",
    "Nothing shows that process {pid} ({name}), a parent of it or a child of it trains with nnU-Net or with workers of "
    "PyTorch's DataLoader.",
)


def attach(
    pid: int,
    tape: Path | DefaultTape,
    *,
    listener: Listener | None = None,
    force: bool = False,
    for_s: float | None = None,
    is_listed: bool = True,
    each_tick: Callable[[Recorder, Tick], None] | None = None,
    on_tape: Callable[[Path], None] | None = None,
) -> RunResult:
    """Record the training of ``pid`` until it ends, for ``for_s`` seconds, or until Ctrl-C. Read-only.

    ``force``: replace an existing tape. ``listener``: receives alarms and causes. ``each_tick``: called after every
    tick. ``is_listed``: whether ``holter list`` shows the run. ``on_tape``: called with the path of the tape when it is
    opened.

    Raises:  NoSuchProcess, NotOurProcess, NotATraining, AlreadyRecorded, TapeExists, FolderNotWritable.
    """
    root_pid = find_training(pid)
    variables = process_environ(root_pid)
    try:
        scratch = _scratch(root_pid, variables)
    except AlreadyRecorded as error:
        raise _with_its_tape(error, root_pid) from error
    listener = listener or Listener()
    try:
        writer = open_tape(tape, force=force, say=listener.note)
    except BaseException:
        scratch.close(keep=True)
        raise
    if on_tape is not None:
        on_tape(writer.path)
    collect_in_background()
    clock = RunClock()
    recorder = Recorder(
        root_pid=root_pid,
        command=tuple(process_command(root_pid)),
        attached=True,
        clock=clock,
        scratch=scratch,
        writer=writer,
        listener=listener,
        variables=variables,
        terms=Terms(
            heal=False,
            attached=True,
            resume=resume_command(process_command(root_pid), folder=_first_folder(root_pid, variables)),
        ),
        began_wall=psutil.Process(root_pid).create_time(),
        registrar=Registrar(entry_writer(os.environ), writer.path, process_command(root_pid), attached=True)
        if is_listed
        else None,
    )
    stop = _StopOnSignal()
    with stop:
        _watch(recorder, clock, stop, for_s, each_tick)
    recorder.finish()
    # If a killed Holter started this training, its pages are still needed as long as it runs.
    scratch.close(keep=bool(recorder.sources.living) and scratch.is_of_run)
    return RunResult(
        returncode=0,
        episodes=recorder.kept.episodes,
        diagnoses=tuple(recorder.kept.diagnoses.values()),
        outcome=recorder.outcome,
        tape=recorder.tape,
        tape_is_there=recorder.tape_is_there,
        no_training=None
        if recorder.was_training_seen or recorder.kept.episodes
        else no_training(recorder.kept.contract, clock.t_s()),
    )


def find_training(pid: int) -> int:
    """Return the PID of the training's top process; ``pid`` may be a worker or a wrapping shell.

    Raises:  NoSuchProcess, NotOurProcess, NotATraining.
    """
    try:
        process = psutil.Process(pid)
        owner = process.uids().effective
    except (psutil.NoSuchProcess, ValueError, OverflowError) as error:
        raise NoSuchProcess(
            NO_PROCESS(pid=pid),
            safe=NOTHING_TOUCHED(),
            next_step=LIST_TRAININGS(),
        ) from error
    if os.geteuid() not in (0, owner):
        raise NotOurProcess(
            NOT_OURS(pid=pid, user=process.username()),
            safe=NOTHING_TOUCHED(),
            next_step=AS_THAT_USER(),
        )
    # A ``holter run`` above has the training in its own command line, but not the hook's HOLTER_SCRATCH.
    scratch = process_environ(pid).get("HOLTER_SCRATCH")
    family = [
        relative
        for relative in (process, *process.parents())
        if process_environ(relative.pid).get("HOLTER_SCRATCH") == scratch
    ]
    trainings = [relative for relative in family if parse_training_command(process_command(relative.pid)) is not None]
    if trainings:
        return int(trainings[-1].pid)
    below = [
        relative
        for relative in process.children(recursive=True)
        if parse_training_command(process_command(relative.pid))
    ]
    tops = [relative.pid for relative in below if relative.ppid() not in {other.pid for other in below}]
    if len(tops) > 1:
        raise NotATraining(
            SEVERAL(count=len(tops), pid=pid, pids=tuple(tops)),
            safe=NOTHING_TOUCHED(),
            next_step=f"holter attach {tops[0]}",
        )
    if tops or _trains(process):
        return pid
    recorded = _recorded_child(process)
    if recorded is not None:
        return recorded
    raise NotATraining(
        NO_TRAINING(pid=pid, name=process.name()),
        safe=NOTHING_TOUCHED(),
        next_step=LIST_TRAININGS(),
    )


def _recorded_child(process: psutil.Process) -> int | None:
    # If the process is a Holter: the training that it started, whatever its command is.
    if process_environ(process.pid).get("HOLTER_SCRATCH"):
        return None
    children = (child.pid for child in process.children() if process_environ(child.pid).get("HOLTER_SCRATCH"))
    return next(children, None)


def _trains(process: psutil.Process) -> bool:
    # A training started by a user's script: recognised by the hook's variable, or by nnU-Net's or PyTorch's libraries
    # and their workers.
    if process_environ(process.pid).get("HOLTER_SCRATCH"):
        return True
    maps, children = read_text(f"/proc/{process.pid}/maps") or "", process.children()
    if "libtorch" not in maps or not children:
        return False
    command = process_command(process.pid)
    return "nnUNet_results" in process_environ(process.pid) or any(
        process_command(child.pid) == command or read_text(f"/proc/{child.pid}/comm") == f"{TORCH_WORKER}\n"
        for child in children
    )


def _scratch(pid: int, variables: dict[str, str]) -> Scratch:
    # The run's own scratch folder, if the Holter that started it is gone; otherwise a new lock.
    folder = variables.get("HOLTER_SCRATCH")
    if folder and is_scratch(Path(folder)):
        return Scratch(Path(folder), owned=True)
    return scratch_of_process(pid)


def _with_its_tape(error: AlreadyRecorded, pid: int) -> AlreadyRecorded:
    tape = tape_of(pid)
    if tape is None:
        return error
    return AlreadyRecorded(error.what, safe=error.safe, next_step=f"holter top {shlex.quote(str(tape))}")


class _StopOnSignal:
    # Ctrl-C and SIGTERM end the recording, not the training.

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._ask)

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def sleep_until(self, mono_s: float) -> None:
        """Sleep until that time, or until 0.2 s after a signal."""
        while not self.asked and (left_s := mono_s - time.monotonic()) > 0:
            time.sleep(min(0.2, left_s))

    def _ask(self, *_: object) -> None:
        self.asked = True


# The folder in which a process was started; None if that is not known, as of a program that has changed to another one.
def _first_folder(pid: int, variables: Mapping[str, str]) -> str | None:
    now, first = Path(f"/proc/{pid}/cwd"), variables.get("PWD")
    try:
        if first is not None and not now.samefile(f"/proc/{pid}/root{first}"):
            return None
        folder = str(now.readlink())
    except OSError:
        return None
    return None if folder.endswith(" (deleted)") else folder


def _watch(
    recorder: Recorder,
    clock: RunClock,
    stop: _StopOnSignal,
    for_s: float | None,
    each_tick: Callable[[Recorder, Tick], None] | None,
) -> None:
    next_s = time.monotonic()
    gone_s: float | None = None
    while not stop.asked and (for_s is None or clock.t_s() < for_s):
        tick = recorder.safe_tick()
        if each_tick is not None:
            each_tick(recorder, tick)
        if not recorder.sources.living and gone_s is None:
            gone_s = clock.t_s()
        if gone_s is not None and clock.t_s() > gone_s + LINGER_S:
            return
        next_s = max(next_s + TICK_S, time.monotonic())
        stop.sleep_until(next_s)
