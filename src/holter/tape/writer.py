"""The only writer of a tape. A disk error never raises into the recording loop."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from holter.records import Environment, Episode, Event, ProbeRun, Sample, StackDump, Text
from holter.tape import coding
from holter.tape.compaction import RawWindow, compact
from holter.tape.opening import cannot_write, is_disk_full, leave_log_mode, moved_to, new_file, open_tape, remove_tape
from holter.tape.surrogates import plain_text

# A reader that opens a tape in the middle needs to go back at most this far for a complete row.
KEY_EVERY_S = 60.0
# Rows are committed in batches: a kill loses at most this much; a commit per second would cost ten times the CPU.
COMMIT_EVERY_S = 2.0
COMPACT_EVERY_S = 60.0
# After a failed write (full disk) the tape is tried again after this time; data in between is lost.
RETRY_AFTER_S = 15.0


class TapeWriter:
    """Writes ticks, events, stacks and episodes to one SQLite file.

    A full or vanished disk does not raise: the recording degrades (``problem`` has the error) and the write is tried
    again. This includes a disk that is full at the start, because a recording must never stop a training.
    ``force``: an existing file is replaced. ``numbered``: a number is added instead; ``path`` is the file's name.
    ``made``: inode of the empty file, if ``new_file`` has created it already.

    Raises:  TapeExists, FolderNotWritable from the constructor, for errors that do not go away by themselves.
    """

    def __init__(
        self,
        path: Path,
        *,
        force: bool = False,
        numbered: bool = False,
        made: int | None = None,
        window: RawWindow | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem: Text | None = None
        self.lost_rows = 0
        self._clock = clock
        self._window = window or RawWindow()
        self._before: dict[str, dict[str, coding.Fields]] = {}
        self._key_s: dict[str, float] = {}
        self._runs: dict[str, list[float | int | str | None]] = {}
        self._episodes: dict[int, Episode] = {}
        self._committed = self._tried = clock()
        self._compacted_s = 0.0
        self._environment: Environment | None = None
        self._closed = False
        self.path, self._inode = (path, made) if made is not None else new_file(path, force=force, numbered=numbered)
        self._connection: sqlite3.Connection | None = None
        self._is_begun = False  # the tables exist
        try:
            self._connection = open_tape(self.path)
            self._is_begun = True
        except sqlite3.Error as error:
            if not is_disk_full(error):
                raise cannot_write(self.path, str(error)) from error
            self.problem = _reason(error)

    @property
    def is_there(self) -> bool:
        """Whether the tape exists: its disk may have been full, or its folder may have been removed."""
        with contextlib.suppress(OSError):  # a file server that has gone away, or asks for a new ticket
            # Another tape may have its name. Some file systems know a file by its number only while it is open.
            is_ours = self._connection is None or self.path.stat().st_ino == self._inode
            return self._is_begun and is_ours and self.path.exists()
        return False

    def write_environment(self, environment: Environment) -> None:
        """Write (or replace) the description of machine, versions and settings."""
        self._environment = environment
        self._do("INSERT OR REPLACE INTO meta VALUES ('environment', ?)", [coding.pack(environment)])
        self.commit()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):  # so that a copy of this file alone is known for what it is
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def write_samples(self, t_s: float, samples: Iterable[Sample]) -> None:
        """Write the samples of ``t_s``. Times must not go back."""
        by_kind: dict[str, dict[str, coding.Fields]] = {}
        for sample in samples:
            kind = coding.KIND_OF_TYPE[type(sample)]
            by_kind.setdefault(kind, {})[coding.entity_of(sample)] = coding.to_fields(sample)
        for kind, entities in by_kind.items():
            is_key = t_s - self._key_s.get(kind, -KEY_EVERY_S) >= KEY_EVERY_S
            before = self._before.get(kind, {})
            row = {
                name: fields if is_key else coding.changes(before.get(name), fields)
                for name, fields in entities.items()
            }
            done = self._do(
                "INSERT OR REPLACE INTO reading VALUES (?, ?, ?, ?)",
                [round(t_s * 1000), kind, int(is_key), coding.pack(row)],
            )
            if done and is_key:
                self._key_s[kind] = t_s
            if done:
                self._before[kind] = entities
            else:
                self._key_s.pop(kind, None)  # the next row that is written must be complete

    def write_events(self, events: Iterable[Event]) -> None:
        """Write events at once: they are rare, and more precious than anything else on the tape."""
        wrote = False
        for event in events:
            wrote = True
            self._do("INSERT INTO event (t_ms, data) VALUES (?, ?)", [round(event.t_s * 1000), coding.pack(event)])
        if wrote:
            self.commit()

    def write_stacks(self, dumps: Iterable[StackDump]) -> None:
        """Write stack dumps."""
        for dump in dumps:
            self._do("INSERT INTO stack (t_ms, data) VALUES (?, ?)", [round(dump.t_s * 1000), coding.pack(dump)])
        self.commit()

    def write_episode(self, number: int, episode: Episode) -> None:
        """Write an episode; if one with this number was written before, replace it."""
        self._episodes[number] = episode
        self._do("INSERT OR REPLACE INTO episode VALUES (?, ?)", [number, coding.pack(episode)])
        self.commit()

    def write_probe_run(self, run: ProbeRun) -> None:
        """Record one read of a probe; after each minute, one row per probe is written to the tape."""
        row = self._runs.setdefault(run.probe, [0, 0, 0.0, None])
        row[0] = int(row[0] or 0) + 1
        row[1] = int(row[1] or 0) + (not run.ok)
        row[2] = float(row[2] or 0.0) + run.cost_s
        row[3] = plain_text(run.error) if run.error else row[3]

    def pulse(self, t_s: float) -> None:
        """End a tick: commit, and compact old samples, each if it is due."""
        if t_s - self._compacted_s >= COMPACT_EVERY_S:
            self._compacted_s = t_s
            self._flush_runs(t_s)
            if self._connection is not None:
                with self._guarded():
                    compact(self._connection, t_s, self._window, tuple(self._episodes.values()))
        if self._clock() - self._committed >= COMMIT_EVERY_S:
            self.commit()

    def commit(self) -> None:
        """Make everything written visible to readers."""
        self._committed = self._clock()
        if self._connection is not None:
            with self._guarded():
                self._connection.commit()

    def close(self, t_s: float) -> None:
        """Finish the tape: mark it as complete, and remove SQLite's files beside it.

        ``path`` is then where the file is, if it was moved on its disk meanwhile.
        """
        self._flush_runs(t_s)
        self._do("INSERT OR REPLACE INTO meta VALUES ('finished_ms', ?)", [str(round(t_s * 1000))])
        self.commit()
        was_begun = self._is_begun
        if self._connection is not None:
            with self._guarded():
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.execute("PRAGMA journal_mode=DELETE")
            moved = self.path if self.is_there else moved_to(self._inode)
            self._is_begun = moved is not None
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
            if moved is not None:
                self.path = moved
                with contextlib.suppress(sqlite3.Error):  # under an old name, as of its folder, SQLite has refused to
                    leave_log_mode(moved)
        self._closed = True
        if not was_begun:
            self._remove()

    def _flush_runs(self, t_s: float) -> None:
        for probe, (runs, failures, cost_s, error) in self._runs.items():
            self._do(
                "INSERT OR REPLACE INTO probe_run VALUES (?, ?, ?, ?, ?, ?)",
                [round(t_s * 1000), probe, runs, failures, cost_s, error],
            )
        self._runs.clear()

    def _do(self, statement: str, values: list[object]) -> bool:
        is_time = self.problem is None or self._clock() - self._tried >= RETRY_AFTER_S
        if is_time and self._connection is None and not self._closed:
            self._open_late()
        if self._connection is None or not is_time:
            self.lost_rows += 1
            return False
        self._tried = self._clock()
        with self._guarded():
            self._connection.execute(statement, values)
            self.problem = None
            return True
        self.lost_rows += 1
        return False

    def _open_late(self) -> None:
        # Try again to create the tape; first write what applies to the whole run.
        self._tried = self._clock()
        try:
            status = self.path.stat()
            if status.st_size and status.st_ino != self._inode:
                return  # the file of another process by now
            self._connection = open_tape(self.path)
            self._is_begun = True
        except (OSError, sqlite3.Error) as error:
            self.problem = _reason(error)
            return
        with self._guarded():
            if self._environment is not None:
                whole = coding.pack(self._environment)
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('environment', ?)", [whole])
            for number, episode in self._episodes.items():
                row = [number, coding.pack(episode)]
                self._connection.execute("INSERT OR REPLACE INTO episode VALUES (?, ?)", row)
            self._connection.commit()

    def _remove(self) -> None:
        # Nothing was ever written: leave no empty file.
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                remove_tape(self.path)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self.problem = _reason(error)
            self._key_s.clear()  # base rows of changes are rolled back: the next rows must be complete
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.rollback()


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
