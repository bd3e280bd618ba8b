"""The files behind stdout and stderr of a training: their new lines, and whether lines are held back."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from pathlib import Path

import msgspec

from holter.patterns import later
from holter.probes.training.file_tail import FileId, FileTail, Mark, mark
from holter.records import Event, Noted
from holter.sentences import define
from holter.texts.training_log import LogParser, stamp_wall

# The process starts before its files; the clocks of file servers differ.
NAME_TOLERANCE_S = 2.0
# nnU-Net flushes each line of its log. A console without any of this many lines, for so long, is buffered:
# an epoch is six or seven lines, and a buffer of 8 KiB holds more than twenty epochs.
SILENT_LINES = 6
SILENT_S = 30.0
CONSOLE_SILENT = define(
    "note.console-silent", "{lines} lines of the training log in {since:.0f} s, none of them in {console}"
)
# The first time stamp of a run is below its banner and its plans.
HEAD_BYTES = 64 * 1024
BEFORE_S = 0.001
_STAMPED = later(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?): ", re.MULTILINE)


class ConsoleSilence:
    """Detects a console that holds lines back: the log grows, but the same lines do not arrive in the console file."""

    def __init__(self) -> None:
        self._spoken = -1
        self._since_s = 0.0
        self._lines = 0
        self._reported = False

    def see(self, t_s: float, spoken: int, log_lines: int, console: str) -> list[Event]:
        """Return an event when the consoles are found to be silent, and one when they are written to again.

        ``spoken``: bytes read of all consoles so far; ``log_lines``: number of new lines in the log.
        """
        if spoken != self._spoken:
            back, self._reported = self._reported, False
            self._spoken, self._since_s, self._lines = spoken, t_s, 0
            return [Noted(t_s=t_s, what="console-speaks-again", text=console)] if back else []
        self._lines += log_lines
        if self._reported or self._lines < SILENT_LINES or t_s - self._since_s < SILENT_S:
            return []
        self._reported = True
        silence = CONSOLE_SILENT(lines=self._lines, since=t_s - self._since_s, console=console)
        return [Noted(t_s=t_s, what="console-silent", message=silence)]


class Console:
    """A console file with its own parser: it repeats the log, and adds lines that nnU-Net does not log."""

    def __init__(self, path: Path, wall_zero: float, begin: Mark | None, not_before_wall: float | None) -> None:
        if begin is None and not_before_wall is not None and not begins_with_this_run(path, not_before_wall):
            begin = mark(path)  # it has lines of other runs; their end is unknown
        self.tail = FileTail(path, begin=begin)
        self._wall_zero = wall_zero
        self._parser = LogParser(wall_zero, source="console")
        self._clock_begun = False
        self._first_read_s: float | None = None

    def read(self, t_s: float, *, log_followed: bool) -> list[Event]:
        """Return the new events of the console file at ``t_s`` seconds of the recording.

        ``log_followed``: nnU-Net's log is read too. It has the sentences of nnU-Net as well, so they are left out here.
        """
        history = not self.tail.caught_up
        lines = self.tail.read_lines()
        if lines and history and not self._clock_begun:
            self._begin_clock(t_s)
        self._parser.sentences = not log_followed
        events = self._parser.feed(lines, t_s, history=history) if lines else self._parser.idle(t_s)
        self._first_read_s = t_s if self._first_read_s is None else self._first_read_s
        # Lines written before the recording began are context, not news of this second.
        return [before(event, self._first_read_s) for event in events] if history else events

    def _begin_clock(self, t_s: float) -> None:
        # Lines before the first time stamp are at least as old as the last change of the file.
        self._clock_begun = True
        try:
            self._parser.clock.begin(self.tail.path.stat().st_mtime, t_s)
        except OSError:
            return


def begins_with_this_run(path: Path, not_before_wall: float) -> bool:
    # Whether the first time stamp in a console is from this run; a console without one is not trusted.
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    stamps = _STAMPED.findall(head.decode("utf-8", errors="replace"))
    wall = stamp_wall(stamps[0]) if stamps else None
    return not head or (wall is not None and wall >= not_before_wall - NAME_TOLERANCE_S)


def before(event: Event, t_s: float) -> Event:
    return msgspec.structs.replace(event, t_s=min(event.t_s, t_s - BEFORE_S))


def begin_mark(path: Path, of_run: Collection[FileId]) -> Mark | None:
    # Read a file of this run from its first byte, others from their present end.
    now = mark(path)
    return now._replace(size=0) if now is not None and now.file in of_run else now


def begun_files(pid: int, since_wall: float, proc: Path = Path("/proc")) -> frozenset[FileId]:
    """Console files that a process truncated at its start (``> log``, not ``>> log``) and wrote to since then."""
    files = set()
    for descriptor in ("1", "2"):
        try:
            status = (proc / str(pid) / "fd" / descriptor).stat()
            words = (proc / str(pid) / "fdinfo" / descriptor).read_text().split()
        except OSError:
            continue
        flags = int(words[words.index("flags:") + 1], 8) if "flags:" in words else os.O_APPEND
        if not flags & os.O_APPEND and status.st_mtime >= since_wall - NAME_TOLERANCE_S:
            files.add((status.st_dev, status.st_ino))
    return frozenset(files)


def console_files(pid: int, proc: Path = Path("/proc")) -> tuple[Path, ...]:
    """Return the regular files behind stdout and stderr; empty for a terminal, a pipe or no permission."""
    paths: dict[tuple[int, int], Path] = {}
    for descriptor in ("1", "2"):
        link = proc / str(pid) / "fd" / descriptor
        try:
            status = link.stat()
            target = link.readlink()
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode) or not target.is_absolute():
            continue
        # A process in a container has its own path of the file.
        for path in (target, proc / str(pid) / "root" / str(target).lstrip("/")):
            try:
                same = path.stat()
            except OSError:
                continue
            if (same.st_dev, same.st_ino) == (status.st_dev, status.st_ino):
                paths.setdefault((status.st_dev, status.st_ino), path)
                break
    return tuple(paths.values())
