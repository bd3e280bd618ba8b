"""Read epochs, phases, exceptions and warnings from nnU-Net's training log and console.

The log folder may be on a mount that hangs, so every read runs in a thread beside the recorder's loop. A read that
does not return is reported; its events are delivered when it does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from holter.patterns import later
from holter.probes import Reading
from holter.probes.training.console import NAME_TOLERANCE_S, Console, ConsoleSilence, begin_mark
from holter.probes.training.file_tail import FileId, FileTail, Mark, mark
from holter.records import Event, ExceptionSeen, Noted, Notice
from holter.sentences import define
from holter.texts.secondary_errors import reports_dataloader_worker
from holter.texts.training_log import LogParser

# Reading local files takes milliseconds; the recorder's loop waits at most this long for a read.
WAIT_FOR_READ_S = 0.25
# After this long the file system counts as not answering.
HANGING_READ_S = 5.0

# A file server may list a folder late: a log counts as gone after so many reads without it.
READS_WITHOUT = 3
LOG_GONE = define(
    "notice.log-gone",
    "the training log {log} is gone (deleted or moved). The training goes on; nnU-Net begins a new file of that name "
    "with its next line",
)

_LOG_NAME = later(r"^training_log_(\d+)_(\d+)_(\d+)_(\d+)_(\d+)_(\d+)\.txt$")


class TrainLogProbe:
    """Follows the newest training log of a fold folder and the console files, if there are any."""

    name = "trainlog"
    interval_s = 1.0

    def __init__(
        self,
        folder: Path | None = None,
        *,
        wall_zero: float,
        console: tuple[Path, ...] = (),
        marks: tuple[Mark, ...] = (),
        not_before_wall: float | None = None,
        wait_s: float = WAIT_FOR_READ_S,
    ) -> None:
        """``wall_zero``: unix time of ``t_s`` 0. ``not_before_wall``: older files belong to other runs.

        ``marks``: consoles as they were when the run began; their earlier content is not read.
        """
        self._wall_zero = wall_zero
        self._wait_s = wait_s
        self._marks = {console_mark.file: console_mark for console_mark in marks}
        consoles = tuple((path, self._mark_of(path)) for path in console)
        self._wanted = _Wanted(folder=folder, not_before_wall=not_before_wall, consoles=consoles)
        self._read: _ReadThread | None = None
        self._hanging = False
        self._follower = _Follower(wall_zero)

    def follow(self, folder: Path, *, not_before_wall: float | None = None) -> None:
        """Follow the logs of this folder from now on; ``not_before_wall`` as in the constructor."""
        if not_before_wall is None:
            not_before_wall = self._wanted.not_before_wall
        self._wanted = replace(self._wanted, folder=folder, not_before_wall=not_before_wall)

    def follow_console(self, *paths: Path, of_run: Collection[FileId] = ()) -> None:
        """Follow these console files too, from their present end: earlier content may be from other runs.

        ``of_run``: files that belong to this run from their first byte.
        """
        known = {path for path, _ in self._wanted.consoles}
        new = tuple((path, self._mark_of(path) or begin_mark(path, of_run)) for path in paths if path not in known)
        self._wanted = replace(self._wanted, consoles=(*self._wanted.consoles, *new))

    @property
    def log(self) -> Path | None:
        """The training log that is followed; None if none was found yet."""
        return self._follower.log_path

    @property
    def is_log_there(self) -> bool:
        """Whether the log that is followed existed at the last reads."""
        return self._follower.is_log_there

    @property
    def reads_console(self) -> bool:
        return bool(self._wanted.consoles)

    def _mark_of(self, path: Path) -> Mark | None:
        now = mark(path)
        return None if now is None else self._marks.get(now.file)

    def read(self, t_s: float) -> Reading:
        """Return events since the previous read; never waits for a file system that does not answer."""
        if self._read is None:
            self._read = _ReadThread(self._follower, self._wanted, t_s)
        self._read.join(self._wait_s)
        events = self._note_hanging(self._read, t_s)
        if self._read.is_alive():
            return Reading(events=tuple(events))
        thread, self._read = self._read, None
        if thread.failure is not None:
            raise thread.failure
        return Reading(events=(*events, *thread.events))

    def close(self) -> None:
        """Do nothing: no file is held open, and a read that hangs ends with the process."""

    def _note_hanging(self, thread: _ReadThread, t_s: float) -> list[Event]:
        out = thread.is_alive()
        if out == self._hanging or (out and time.monotonic() - thread.began_s < HANGING_READ_S):
            return []
        self._hanging = out
        what = "log-does-not-answer" if out else "log-answers-again"
        return [Noted(t_s=t_s, what=what, text=str(self._wanted.folder or ""))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The files to read. Never changed, only replaced, so that the thread that reads needs no lock."""

    folder: Path | None
    not_before_wall: float | None
    consoles: tuple[tuple[Path, Mark | None], ...]


class _ReadThread(threading.Thread):
    """One read of the files, in a thread beside the recorder's loop."""

    def __init__(self, follower: _Follower, wanted: _Wanted, t_s: float) -> None:
        super().__init__(name="trainlog-read", daemon=True)
        self.events: list[Event] = []
        self.failure: Exception | None = None
        self.began_s = time.monotonic()
        self._work = (follower, wanted, t_s)
        self.start()

    def run(self) -> None:
        """Read once; a failure is kept for the recorder's own thread."""
        follower, wanted, t_s = self._work
        try:
            self.events = follower.read(wanted, t_s)
        except Exception as failure:  # noqa: BLE001 - raised again by TrainLogProbe.read
            self.failure = failure


class _Follower:
    """The files being followed and the parser's state; used by one read at a time."""

    def __init__(self, wall_zero: float) -> None:
        self._wall_zero = wall_zero
        self._folder: Path | None = None
        self._log: FileTail | None = None
        self._log_wall = float("-inf")
        self._parser = LogParser(wall_zero)
        self._consoles: dict[Path, Console] = {}
        self._reported_until_s = float("-inf")  # time of the last event from the console before the log was found
        self._new_lines = 0  # of the log, in this read
        self._silence = ConsoleSilence()
        self._reads_without = 0
        self._reads_gone = 0  # counted even if the folder is missing

    @property
    def log_path(self) -> Path | None:
        """The log that is followed."""
        return None if self._log is None else self._log.path

    @property
    def is_log_there(self) -> bool:
        """Whether its file exists; a file server may list a folder late."""
        return self._reads_gone < READS_WITHOUT

    def read(self, wanted: _Wanted, t_s: float) -> list[Event]:
        """Return new events of the log and the consoles."""
        if wanted.folder != self._folder:
            self._folder, self._log, self._log_wall = wanted.folder, None, float("-inf")
        oldest_wall = float("-inf")
        if wanted.not_before_wall is not None:
            oldest_wall = wanted.not_before_wall - NAME_TOLERANCE_S
        events = self._read_log(t_s, oldest_wall)
        for path, begin in wanted.consoles:
            console = self._consoles.setdefault(path, Console(path, self._wall_zero, begin, wanted.not_before_wall))
            console_events = console.read(t_s, log_followed=self._log is not None)
            if self._log is None and console_events:
                self._reported_until_s = max(self._reported_until_s, max(event.t_s for event in console_events))
            events += console_events
        if self._consoles and self._log is not None:
            spoken = sum(console.tail.read_bytes for console in self._consoles.values())
            events += self._silence.see(t_s, spoken, self._new_lines, str(next(iter(self._consoles))))
        return [_weighed(event) for event in events if event.t_s >= oldest_wall - self._wall_zero]

    def _read_log(self, t_s: float, oldest_wall: float) -> list[Event]:
        events: list[Event] = self._missing(t_s)
        self._new_lines = 0
        newest = self._newest_log(oldest_wall)
        if newest is not None and newest[0] > self._log_wall:
            events += self._switch_to(newest, t_s)
        if self._log is None:
            return events
        history = not self._log.caught_up
        lines = self._log.read_lines()
        self._new_lines = 0 if history else len(lines)
        events += self._parser.feed(lines, t_s, history=history) if lines else self._parser.idle(t_s)
        return [event for event in events if event.t_s > self._reported_until_s] if history else events

    def _missing(self, t_s: float) -> list[Event]:
        path = self.log_path
        is_gone = path is not None and not path.exists()
        self._reads_gone = self._reads_gone + 1 if is_gone else 0
        if path is None or not is_gone or self._folder is None or not self._folder.is_dir():
            self._reads_without = 0
            return []
        self._reads_without += 1
        if self._reads_without != READS_WITHOUT:
            return []
        return [Notice(t_s=t_s, what="log-gone", message=LOG_GONE(log=path.name))]

    def _switch_to(self, newest: tuple[float, Path], t_s: float) -> list[Event]:
        events: list[Event] = []
        wall, path = newest
        if self._log is not None:
            events += self._parser.feed(self._log.read_lines(), t_s)
            events.append(Noted(t_s=min(t_s, wall - self._wall_zero), what="new-training-log", text=path.name))
        self._log, self._log_wall = FileTail(path), wall
        return events + self._parser.restart(wall, t_s)

    def _newest_log(self, oldest_wall: float) -> tuple[float, Path] | None:
        try:
            paths = list(self._folder.iterdir()) if self._folder is not None else []
        except OSError:
            return None
        logs = [(_wall_of(path), path) for path in paths if path.name.startswith("training_log_")]
        return max(((wall, path) for wall, path in logs if wall is not None and wall >= oldest_wall), default=None)


def log_name_wall(path: Path) -> float | None:
    """Unix time in the name of a training log (local time of the training machine); None if there is none."""
    match = _LOG_NAME.match(path.name)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
    except (OverflowError, ValueError):
        return None


def _wall_of(path: Path) -> float | None:
    wall = log_name_wall(path)
    if wall is not None:
        return wall
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _weighed(event: Event) -> Event:
    # A recording has seen how a DataLoader's worker ended; a pasted text has only this sentence.
    if isinstance(event, ExceptionSeen) and reports_dataloader_worker(event.message):
        return msgspec.structs.replace(event, echo=True)
    return event
