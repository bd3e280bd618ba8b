"""Processes of the trials and of the soak, under the hook with healing on: their lines, and whether they hang."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
INJECT = ROOT / "src" / "holter" / "hook" / "inject"
SILENT_S, MOST_S = 60.0, 1800.0
BUSY_RATIO = 0.1  # of work, or of waiting for a processor; the hook's own looks take far less


class Hang(Exception):
    """The process printed nothing for too long, and neither worked nor waited for a processor."""


class Broken(Exception):
    """The process ended before it had printed all of its lines; the text is the end of what it said."""


def environment(scratch: str | None) -> dict[str, str]:
    """Return the environment of a child, with the hook if there is a scratch folder for it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HOLTER_")}
    if scratch is None:
        return variables
    paths = os.pathsep.join(filter(None, (str(INJECT), variables.get("PYTHONPATH", ""))))
    return variables | {
        "PYTHONPATH": paths, "HOLTER_SCRATCH": scratch, "HOLTER_GENERATION": "0", "HOLTER_HEAL": "workers",
        "TMPDIR": scratch,  # a process that is killed leaves the folders of its sockets
    }  # fmt: skip


class Interpreter(NamedTuple):
    """The Python that trains, with a PyTorch of its own."""

    executable: str
    torch: str
    version: str


def interpreter(executable: str = sys.executable) -> Interpreter:
    """Ask a Python for its version and that of its PyTorch."""
    words = "import sys, torch; print(torch.__version__, sys.version.split()[0])"
    asked = subprocess.run(
        [executable, "-c", words], cwd=ROOT, env=environment(None), capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        raise SystemExit(f"{executable} has no PyTorch:\n{asked.stderr[-500:]}")
    return Interpreter(executable, *asked.stdout.split())


def lines_of(module: str, *arguments: object, count: int, executable: str = sys.executable) -> Generator[str]:
    """Run a module of this benchmark, and yield each of the ``count`` lines that it prints.

    ``executable``: the Python that trains. No process is left behind, whatever ends the iteration.
    Raises:  Hang, also if the process does not end after its last line; Broken.
    """
    words = [executable, "-m", f"benchmarks.dataloader.{module}", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment(scratch), stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        try:
            given = 0
            for line in _lines(process, count):
                given += 1
                yield line
            if given < count:
                errors.seek(0)
                raise Broken(errors.read()[-2000:])
            silence = Silence(process.pid)
            while process.poll() is None:
                time.sleep(0.2)
                if silence.is_a_hang():
                    raise Hang
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _lines(process: subprocess.Popen[bytes], count: int) -> Iterator[str]:
    assert process.stdout is not None
    pipe, text, given, silence = process.stdout.fileno(), b"", 0, Silence(process.pid)
    ready = select.poll()  # select() takes no descriptor above 1023
    ready.register(pipe, select.POLLIN)
    while given < count:
        if ready.poll(1000):
            piece = os.read(pipe, 65536)
            if not piece:
                return
            *whole, text = (text + piece).split(b"\n")
            for line in whole:
                given += 1
                yield line.decode()
            silence = Silence(process.pid)
        elif silence.is_a_hang():
            raise Hang


class Silence:
    """How long a group of processes has printed nothing, and for how much of that it neither worked nor had to wait."""

    def __init__(self, group: int) -> None:
        self.group, self.began_s, self.quiet_s = group, time.monotonic(), 0.0
        self.looked_s, self.spent_s = self.began_s, scheduled_s(group)[0]

    def is_a_hang(self) -> bool:
        """Look again; return whether the group hangs."""
        now_s, spent_s, can_run = time.monotonic(), *scheduled_s(self.group)
        passed_s, used_s = now_s - self.looked_s, spent_s - self.spent_s
        if not can_run and 0 <= used_s < BUSY_RATIO * passed_s:  # below 0: a process has ended
            self.quiet_s += passed_s
        self.looked_s, self.spent_s = now_s, spent_s
        return self.quiet_s > SILENT_S or now_s - self.began_s > MOST_S


def scheduled_s(group: int) -> tuple[float, bool]:
    """Return how long the threads of a process group have run, or waited for a processor, since they began.

    A wait counts only when it is over, which at idle priority may be long after; so return too whether one can run now.
    """
    total_ns, can_run = 0, False
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(int(process.name)) == group:
                for thread in (process / "task").iterdir():
                    ran, waited, _ = (thread / "schedstat").read_text().split()
                    total_ns += int(ran) + int(waited)
                    can_run |= (thread / "stat").read_text().rpartition(") ")[2].startswith("R")
    return total_ns / 1e9, can_run
