"""Turn entries of the registry into rows. All calls that continue one fold are one row.

A run whose recorder is dead does not count as running.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import psutil

from holter.errors import TapeError
from holter.linux.disks import Disks
from holter.linux.place import here
from holter.records import Message
from holter.records.text import Record
from holter.reports.outcome import outcome_of
from holter.reports.outcome.record import GOOD, RUNS
from holter.reports.outcome.sentences import BROKEN_OFF, RUNNING, UNWATCHED
from holter.reports.outcome.unwatched import living_process
from holter.reports.outcome.wall import clock_of, parsed
from holter.reports.runs.living import is_recording
from holter.tape import Recording, read, read_environment
from holter.tape.registry import Entry, Kept

TapeIs = Literal["there", "gone", "elsewhere", "silent"]  # silent: its disk does not answer


class Row(Record, frozen=True, kw_only=True):
    """One training, over all calls that continued it."""

    state: str  # as in ``reports.outcome``
    headline: Message
    runs: bool
    started: str | None  # ISO 8601, of the first call
    ended: str | None  # of the last call; None: it runs, or its end was not seen
    seen: str | None = None  # last sign of life
    calls: int = 1
    host: str | None = None
    pid: int | None = None  # of the recorder
    dataset: str | None = None
    configuration: str | None = None
    fold: str | None = None
    trainer: str | None = None
    command: str | None = None
    epochs_done: int | None = None
    epochs_planned: int | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    tape: str  # of the last call
    tape_is: TapeIs = "there"
    earlier_tapes: tuple[str, ...] = ()
    superseded: bool = False  # the same fold was trained, or is trained, after it

    @property
    def is_good(self) -> bool:
        """Whether the run needs no attention."""
        return self.state in GOOD

    @property
    def is_unwatched(self) -> bool:
        """Whether its recorder is gone, and the training still runs."""
        return self.state == "unwatched"


class Taken(NamedTuple):
    """The training that a command without a target uses; ``running``: how many trainings run now."""

    row: Row
    running: int


def rows_of(entries: Iterable[Kept], disks: Disks | None = None) -> tuple[Row, ...]:
    """Return a row for each training: the running ones first, as ``in_order``, then the newest.

    ``entries``: oldest first. ``disks``: those that the tapes are on; None: none of them is known to be silent.
    """
    disks = Disks() if disks is None else disks
    groups: list[list[Kept]] = []
    newest: dict[tuple[str, str], Kept] = {}
    for kept in entries:
        newest[kept.entry.host, kept.entry.tape] = kept
        earlier = next((group for group in reversed(groups) if _is_same_fold(group[-1].entry, kept.entry)), None)
        if earlier is not None and _goes_on(earlier[-1].entry, kept.entry):
            earlier.append(kept)
        else:
            groups.append([kept])
    owners = {id(kept) for kept in newest.values()}
    rows = []
    for index, group in enumerate(groups):
        row = _row(group, disks, is_overwritten=id(group[-1]) not in owners)
        rows.append(msgspec.structs.replace(row, superseded=_was_trained_later(group[-1].entry, groups[index + 1 :])))
    return in_order(rows)


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows as they are listed: running first, then those that run unwatched, then newest first."""

    def place(row: Row) -> tuple[bool, bool, float]:
        return row.runs, row.is_unwatched, _moment(row.seen or row.started)

    return tuple(sorted(rows, key=place, reverse=True))


def take_one(rows: Sequence[Row]) -> Taken | None:
    """Return the running training, recorded or not, else the newest, of those whose tape exists; None if none is."""
    there = [row for row in rows if row.tape_is == "there"]
    return Taken(there[0], sum(row.runs for row in there)) if there else None


def row_of_tape(path: Path, recording: Recording, *, is_over: bool) -> Row:
    """Return the row of a tape that is not in the registry."""
    ran = outcome_of(recording, is_over=is_over)
    who = ran.identity
    return Row(
        state=ran.state,
        headline=ran.headline,
        runs=ran.runs,
        started=ran.started,
        ended=ran.ended,
        seen=ran.read,
        host=who.host,
        dataset=who.dataset,
        configuration=who.configuration,
        fold=who.fold,
        trainer=who.trainer,
        command=who.command,
        epochs_done=ran.epochs_done,
        epochs_planned=ran.epochs_planned,
        exit_code=ran.exit_code,
        exit_signal=ran.exit_signal,
        tape=str(path),
    )


def _row(group: Sequence[Kept], disks: Disks, *, is_overwritten: bool) -> Row:
    first, last = group[0].entry, group[-1].entry
    runs = is_recording(group[-1])
    state, headline = last.state, last.headline or RUNNING()
    if not runs and (last.ended is None or last.state == "unwatched"):
        living = _living_pid(last, disks)
        at = _clock(last.seen)
        state, headline = ("cut", BROKEN_OFF(at=at)) if living is None else ("unwatched", UNWATCHED(at=at, pid=living))
    elif runs and state not in RUNS:
        runs_on = state == "nothing-trained"  # no training was seen yet
        state, headline = ("running", RUNNING()) if runs_on else (state, headline)
    return Row(
        state=state,
        headline=headline,
        runs=runs,
        started=first.began,
        ended=last.ended,
        seen=last.ended or last.seen,
        calls=len(group),
        host=last.host,
        pid=last.pid,
        dataset=last.dataset,
        configuration=last.configuration,
        fold=last.fold,
        trainer=last.trainer,
        command=last.command,
        epochs_done=last.epochs_done,
        epochs_planned=last.epochs_planned,
        exit_code=last.exit_code,
        exit_signal=last.exit_signal,
        tape=last.tape,
        tape_is="gone" if is_overwritten else _tape_is(last, disks),
        earlier_tapes=tuple(kept.entry.tape for kept in group[:-1]),
    )


# The PID of a training whose recorder is gone; a tape is read whole only if there is a process with this PID.
def _living_pid(entry: Entry, disks: Disks) -> int | None:
    tape = Path(entry.tape)
    if entry.place != here() or not disks.answers(tape):
        return None
    try:
        environment = read_environment(tape)
        if environment is None or not psutil.pid_exists(environment.main_pid or 0):
            return None
        main = living_process(read(tape))
    except TapeError:
        return None
    return None if main is None else main.pid


def _tape_is(entry: Entry, disks: Disks) -> TapeIs:
    if not disks.answers(Path(entry.tape)):
        return "silent"
    if Path(entry.tape).is_file():
        return "there"
    return "gone" if entry.place.partition(" ")[0] == here().partition(" ")[0] else "elsewhere"


def _was_trained_later(entry: Entry, later: Sequence[Sequence[Kept]]) -> bool:
    # A call that came to no training changes nothing.
    return any(group[-1].entry.state != "nothing-trained" and _is_same_fold(entry, group[-1].entry) for group in later)


def _is_same_fold(one: Entry, other: Entry) -> bool:
    if one.folder is not None and other.folder is not None:
        return one.folder == other.folder
    return one.dataset is not None and _fold(one) == _fold(other)


def _fold(entry: Entry) -> tuple[str | None, ...]:
    # A command may name a data set by its number alone.
    number = re.match(r"(?:Dataset)?0*(\d+)", entry.dataset or "")
    return (number[1] if number else entry.dataset, entry.configuration, entry.fold, entry.trainer)


def _goes_on(before: Entry, entry: Entry) -> bool:
    # Somebody looked at a training whose recorder had died, or it was continued from a checkpoint.
    return entry.continues or (entry.attached and before.ended is None)


def _clock(moment: str) -> str | None:
    read = moment_of(moment)
    return None if read is None else clock_of(read)


def _moment(moment: str | None) -> float:
    read = moment_of(moment)
    return 0.0 if read is None else read.timestamp()


def moment_of(moment: str | None) -> datetime | None:
    """Return the time that a text of a row holds; None if it holds none."""
    try:
        read = parsed(moment)
    except ValueError:
        return None
    return None if read is None else read.astimezone(read.tzinfo)
