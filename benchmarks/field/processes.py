"""The processes of one run, found by a mark in their environment, also those that leave its session; and its output."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.faults.outside import is_there
from benchmarks.faults.run import ERRORS, OUTPUT, start_alone

MARK = "FIELD_RUN"
LETTER = "letter.txt"
PREFIX = "holter:"
GONE_WITHIN_S = 15.0


def start_marked(
    command: Sequence[str],
    folder: Path,
    data: Mapping[str, str],
    more: Mapping[str, str],
    output: str = OUTPUT,
    errors: str = ERRORS,
) -> subprocess.Popen[bytes]:
    """Start a command in ``folder`` (``start_alone``), so that it and all its children are found."""
    return start_alone(command, folder, data, {**more, MARK: str(folder)}, output=output, errors=errors, cwd=folder)


def letter_of(folder: Path) -> str:
    """Return Holter's own output so far, also if the training writes to the same file."""
    lines: list[str] = []
    for name in (ERRORS, LETTER):
        with contextlib.suppress(OSError):
            lines += (folder / name).read_text(errors="replace").splitlines()
    return "\n".join(line for line in lines if line.startswith(PREFIX))


def ours(folder: Path) -> list[psutil.Process]:
    """Return all processes of the run in ``folder``."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(folder) and is_there(process):
                processes.append(process)
    return processes


def main_process(folder: Path, file: str) -> psutil.Process | None:
    """Return the process that runs ``file``; the first of several ranks."""
    return next(iter(main_processes(folder, file)), None)


def main_processes(folder: Path, file: str) -> list[psutil.Process]:
    """Return the processes that run ``file``, in the order of their starts, without their forked children."""
    processes: list[psutil.Process] = []
    for process in sorted(ours(folder), key=lambda each: (each.create_time(), each.pid)):
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            runs_it = Path(words[0]).name.startswith("python") and any(Path(word).name == file for word in words[1:3])
            if runs_it and process.ppid() not in {parent.pid for parent in processes}:
                processes.append(process)
    return processes


def workers(main: psutil.Process) -> list[psutil.Process]:
    """Return its data workers, in the order of their starts."""
    forked = []
    with contextlib.suppress(psutil.Error):  # it has ended
        command = main.cmdline()
        forked = [child for child in main.children() if _command(child) == command]
    return sorted(forked, key=lambda child: (child.create_time(), child.pid))


def _command(process: psutil.Process) -> list[str] | None:
    # None if it has ended; a zombie has no command.
    try:
        return list(process.cmdline())
    except psutil.Error:
        return None


def end_all(folder: Path) -> None:
    """Kill every process of the run."""
    until_s = time.monotonic() + GONE_WITHIN_S
    while (left := ours(folder)) and time.monotonic() < until_s:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)
