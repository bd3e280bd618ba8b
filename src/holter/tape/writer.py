"""The one writer of a tape. It never raises into the recording loop because of the disk."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from holter.errors import FolderNotWritable
from holter.records import Environment, Episode, Event, ProbeRun, Sample, StackDump
from holter.tape import coding, schema
from holter.tape.claim import claim, discard
from holter.tape.compaction import RawWindow, compact

# A reader that opens a tape in the middle must not look further back than this for a whole row.
KEY_EVERY_S = 60.0
# Rows are committed in batches: a kill loses at most this much, a commit a second would cost ten times the CPU.
COMMIT_EVERY_S = 2.0
COMPACT_EVERY_S = 60.0
# After a failed write (full disk) the tape is tried again at this pace; what happened meanwhile is not kept.
RETRY_AFTER_S = 15.0


class TapeWriter:
    """Writes ticks, events, stacks and episodes to one SQLite file.

    A full or vanished disk degrades the recording (``problem`` says how) and is tried again; it never raises.
    ``force``: a file that is there is replaced. ``numbered``: a number is added instead; ``path`` is the file's name.

    Raises:  TapeExists, FolderNotWritable when it is opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        force: bool = False,
        numbered: bool = False,
        window: RawWindow | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self._connection = _open(path, force, numbered)
        self.problem: str | None = None
        self.lost_rows = 0
        self._clock = clock
        self._window = window or RawWindow()
        self._before: dict[str, dict[str, coding.Fields]] = {}
        self._key_s: dict[str, float] = {}
        self._runs: dict[str, list[float | int | str | None]] = {}
        self._episodes: dict[int, Episode] = {}
        self._committed = self._tried = clock()
        self._compacted_s = 0.0

    def write_environment(self, environment: Environment) -> None:
        """Keep (or replace) the description of machine, versions and settings."""
        self._do("INSERT OR REPLACE INTO meta VALUES ('environment', ?)", [coding.pack(environment)])
        self.commit()

    def write_samples(self, t_s: float, samples: Iterable[Sample]) -> None:
        """Write what was seen at ``t_s``. Times must not go back."""
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
                self._key_s.pop(kind, None)  # the next row that fits must be whole

    def write_events(self, events: Iterable[Event]) -> None:
        """Write events at once: they are rare and the most precious thing on the tape."""
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
        """Write an episode, or what became of it: the same number replaces."""
        self._episodes[number] = episode
        self._do("INSERT OR REPLACE INTO episode VALUES (?, ?)", [number, coding.pack(episode)])
        self.commit()

    def write_probe_run(self, run: ProbeRun) -> None:
        """Count one look of a probe; a row a minute and probe reaches the file."""
        row = self._runs.setdefault(run.probe, [0, 0, 0.0, None])
        row[0] = int(row[0] or 0) + 1
        row[1] = int(row[1] or 0) + (not run.ok)
        row[2] = float(row[2] or 0.0) + run.cost_s
        row[3] = run.error or row[3]

    def pulse(self, t_s: float) -> None:
        """Do what is due at the end of a tick: commit, thin out old readings."""
        if t_s - self._compacted_s >= COMPACT_EVERY_S:
            self._compacted_s = t_s
            self._flush_runs(t_s)
            if self._connection is not None:
                with self._guarded():
                    compact(self._connection, t_s, self._window, tuple(self._episodes.values()))
        if self._clock() - self._committed >= COMMIT_EVERY_S:
            self.commit()

    def commit(self) -> None:
        """Make what was written visible to readers."""
        self._committed = self._clock()
        if self._connection is not None:
            with self._guarded():
                self._connection.commit()

    def close(self, t_s: float) -> None:
        """Finish the tape: one file, no side files, marked as complete."""
        self._flush_runs(t_s)
        self._do("INSERT OR REPLACE INTO meta VALUES ('finished_ms', ?)", [str(round(t_s * 1000))])
        self.commit()
        if self._connection is not None:
            with self._guarded():
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.execute("PRAGMA journal_mode=DELETE")
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _flush_runs(self, t_s: float) -> None:
        for probe, (runs, failures, cost_s, error) in self._runs.items():
            self._do(
                "INSERT OR REPLACE INTO probe_run VALUES (?, ?, ?, ?, ?, ?)",
                [round(t_s * 1000), probe, runs, failures, cost_s, error],
            )
        self._runs.clear()

    def _do(self, statement: str, values: list[object]) -> bool:
        if self._connection is None or (self.problem is not None and self._clock() - self._tried < RETRY_AFTER_S):
            self.lost_rows += 1
            return False
        self._tried = self._clock()
        with self._guarded():
            self._connection.execute(statement, values)
            self.problem = None
            return True
        self.lost_rows += 1
        return False

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self.problem = f"{type(error).__name__}: {error}"
            self._key_s.clear()  # rows that others build on are rolled back: the next ones must be whole
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.rollback()


def _open(path: Path, force: bool, numbered: bool) -> tuple[Path, sqlite3.Connection | None]:
    made: Path | None = None
    try:
        made = claim(path, force=force, numbered=numbered)
        return made, _connect(made)
    except (OSError, sqlite3.Error) as error:
        if made is not None:  # a full disk takes a name and no content
            discard(made)
        raise FolderNotWritable(
            f"Cannot write a tape at {path}: {error}.",
            safe="No training was started or touched.",
            next_step="Choose a writable local folder with --tape FILE.",
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    # Autocommit off by hand: sqlite3 opens a transaction at the first INSERT and commit() ends it.
    connection = sqlite3.connect(path, timeout=2.0, check_same_thread=False)
    # WAL: readers never block the writer, and a kill at any byte leaves a readable file. On file systems
    # without shared memory (NFS) SQLite keeps the rollback journal, which is slower and as safe.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint=500")
    connection.execute("PRAGMA temp_store=MEMORY")
    schema.create(connection)
    connection.commit()
    return connection
