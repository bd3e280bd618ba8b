"""Start the trainings of a local study as ``holter train``, notice their ends, and stop them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from holter.errors import FolderNotWritable
from holter.linux.place import here
from holter.linux.procfs import list_numbers
from holter.probes.machine.environment import process_environ
from holter.sentences import NOTHING_STARTED
from holter.study.queue import Slot
from holter.study.records import Job
from holter.study.seats import SEAT
from holter.study.settings_file import VARIABLE, passed_on
from holter.study.slots import SLOT
from holter.supervisor.child_error import ERROR_FILE, ChildError, take_error
from holter.supervisor.folds.fold_lock import CANNOT_WRITE_IN, FILE
from holter.supervisor.folds.lock_state import read_state
from holter.supervisor.recording.tape_place import about_training
from holter.texts.training_command import NNUNET_PATHS

TAIL_BYTES = 4096


class Outputs:
    """The files of a call's trainings: what each has printed, and the error with which its Holter ended."""

    def __init__(self, out: Path) -> None:
        """``out``: the folder of these files."""
        self._out = out
        self._before: dict[Path, int] = {}  # by fold: bytes that earlier calls have printed

    def console_of(self, job: Job) -> Path:
        """Return the file with the output of a training."""
        return self._out / f"{file_name(job)}.out"

    def make_ready(self, job: Job) -> None:
        """Call it before a start. Creates the folder, also if somebody has given it a new name since the queue began.

        Raises:  OSError.
        """
        self._out.mkdir(parents=True, exist_ok=True)
        with self.console_of(job).open("ab") as console:
            self._before[job.folder] = console.tell()

    def error_file(self, job: Job) -> Path:
        """Return the file for the error of a training that is to start, without that of an earlier call."""
        file = self._error_file(job)
        with contextlib.suppress(OSError):
            file.unlink()
        return file

    def error(self, job: Job) -> ChildError | None:
        """Return the error with which ``holter train`` ended, and delete its file; None if there is none.

        So a second call returns None.
        """
        return take_error(self._error_file(job))

    def last_line(self, job: Job) -> str:
        """Return the last line that a training has printed since its start, not blank; "" if there is none."""
        return last_line_of(self.console_of(job), self._before.get(job.folder, 0))

    def _error_file(self, job: Job) -> Path:
        return (self._out / f"{file_name(job)}.error").absolute()


class Trainings(Outputs):
    """The trainings that this queue has started, each as a process in a session of its own.

    So Ctrl-C does not reach them.
    """

    def __init__(self, out: Path, extra: tuple[str, ...]) -> None:
        super().__init__(out)
        self._extra = extra
        self._processes: dict[Path, tuple[Job, subprocess.Popen[bytes]]] = {}

    def start(self, job: Job, slot: Slot, variables: Mapping[str, str], inherited: tuple[int, ...] = ()) -> int:
        """Start a training; its output is appended to ``console_of``. Return the PID.

        ``inherited``: descriptors that it keeps open.

        Raises:  OSError.
        """
        self.make_ready(job)
        extra = self._extra
        if slot.gpu is None and "-device" not in extra:
            extra = (*extra, "-device", "cpu")
        command = [sys.executable, "-m", "holter", *words_of(job, extra)]
        with self.console_of(job).open("ab") as console:
            process = subprocess.Popen(
                command,
                cwd=self._out,
                # They are started in another folder.
                env=_without(variables, VARIABLE)
                | absolute(variables)
                | passed_on(variables)
                | {ERROR_FILE: str(self.error_file(job))}
                | ({SEAT: str(inherited[0])} if inherited else {}),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=inherited,
            )
        self._processes[job.folder] = (job, process)
        return process.pid

    @property
    def running(self) -> int:
        """How many of the started trainings run."""
        return len(self._processes)

    def ended(self) -> list[tuple[Job, int | None]]:
        """Return the jobs that have ended since the last call, with their exit codes."""
        over = [(job, process) for job, process in self._processes.values() if process.poll() is not None]
        for job, _ in over:
            del self._processes[job.folder]
        return [(job, process.returncode) for job, process in over]

    def ask_to_stop(self) -> None:
        """Ask each training to save and end (exit code 75)."""
        for _, process in self._processes.values():
            with contextlib.suppress(OSError):
                process.terminate()

    def kill(self) -> None:
        """Kill all trainings, with all processes that they have started."""
        leaders = {process.pid for _, process in self._processes.values()}
        for pid in list_numbers("/proc") or ():
            with contextlib.suppress(OSError):
                if os.getsid(pid) in leaders:
                    os.kill(pid, signal.SIGKILL)
        for _, process in self._processes.values():
            with contextlib.suppress(OSError):
                process.kill()
            process.wait()


def make_folder(out: Path) -> None:
    """Make the folder for what trainings print.

    Raises:  FolderNotWritable.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = CANNOT_WRITE_IN(folder=str(out), error=error.strerror or str(error))
        raise FolderNotWritable(what, safe=NOTHING_STARTED(), next_step="--out FOLDER") from error


def words_of(job: Job, extra: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words after ``holter`` that train a job, unless somebody has trained it before it gets its lock."""
    return "train", *job.arguments(extra), "--unless-done"


def last_line_of(console: Path, start: int = 0) -> str:
    """Return the last line of a file that is not blank, at or behind the byte ``start``; empty if there is none."""
    try:
        tail = console.read_bytes()[start:][-TAIL_BYTES:].decode("utf-8", "replace")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "")


def file_name(job: Job) -> str:
    """Return a name for files of a training; trainer and plans are in it unless they are the usual ones."""
    return "-".join([about_training(job.training), *(re.sub(r"[^\w.]+", "_", other) for other in job.unusual)])


def holder_here(job: Job) -> tuple[int, str | None] | None:
    """Return PID and slot of the ``holter train`` that trains this fold on this machine; None if there is none.

    The slot is None for one that no study has started.
    """
    about = read_state(job.folder / FILE).about
    pid = about.get("pid")
    if about.get("host") != here() or not isinstance(pid, int):
        return None
    return pid, process_environ(pid).get(SLOT)


def _without(variables: Mapping[str, str], name: str) -> dict[str, str]:
    return {each: value for each, value in variables.items() if each != name}


def absolute(variables: Mapping[str, str]) -> dict[str, str]:
    """Return nnU-Net's folders with absolute paths, for a training that is started in another folder."""
    return {name: str(Path(variables[name]).absolute()) for name in NNUNET_PATHS if variables.get(name)}
