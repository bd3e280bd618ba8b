"""Choose tapes to delete, by age, number or size; never one that is being written, never a file that is no tape."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from holter.errors import TapeError
from holter.linux.disks import Disks
from holter.records.text import Record
from holter.tape.opening import SIDE_FILES
from holter.tape.reader import connect, is_finished

# A recorder commits every few seconds; a tape that was not closed and is older than this belongs to a dead one.
WRITTEN_WITHIN_S = 600.0
# What other commands write beside a tape, after its name without ``.holter``.
BESIDE = (".html", "-scrubbed.html", ".md", "-csv", "-parquet", "-tensorboard")


class Candidate(Record, frozen=True, kw_only=True):
    """A tape that may be deleted."""

    path: str
    bytes: int  # with SQLite's files beside it
    age_s: float  # since it was last written
    beside: tuple[str, ...] = ()  # reports and exports of it; they stay


def candidates(paths: Iterable[Path], running: Iterable[str], disks: Disks) -> tuple[Candidate, ...]:
    """Return the files that ``holter prune`` may delete: tapes that no process writes, newest first.

    ``running``: paths of tapes of running trainings. ``disks``: knows which disks answer; files on others are left out.
    """
    busy = {_real(Path(tape)) for tape in running if disks.answers(Path(tape))}
    found = {}
    for path in filter(disks.answers, paths):
        real = _real(path)
        if real in found or real in busy or path.is_symlink():
            continue
        candidate = _candidate(path)
        if candidate is not None:
            found[real] = candidate
    return tuple(sorted(found.values(), key=lambda candidate: candidate.age_s))


def chosen(
    of: Sequence[Candidate],
    *,
    older_than_s: float | None = None,
    keep: int | None = None,
    max_bytes: int | None = None,
) -> tuple[Candidate, ...]:
    """Return the tapes to delete, because they exceed one of the limits, oldest first.

    ``keep``: the number of newest tapes that stay. ``max_bytes``: the most bytes that all tapes together may take.
    """
    going: list[Candidate] = []
    kept_bytes = 0
    is_full = False
    for number, candidate in enumerate(of):
        kept_bytes += candidate.bytes
        is_full = is_full or (max_bytes is not None and kept_bytes > max_bytes)
        too_old = older_than_s is not None and candidate.age_s > older_than_s
        if is_full or too_old or (keep is not None and number >= keep):
            going.append(candidate)
    return tuple(reversed(going))


def _candidate(path: Path) -> Candidate | None:
    try:
        with contextlib.closing(connect(path)) as connection:
            closed = is_finished(connection, [])
        files = [path, *(path.with_name(path.name + end) for end in SIDE_FILES)]
        status = [file.stat() for file in files if file.exists()]
        age_s = time.time() - max(file.st_mtime for file in status)
    except (OSError, TapeError):
        return None
    if not closed and abs(age_s) < WRITTEN_WITHIN_S:
        return None
    stem = path.name.removesuffix(".holter")
    beside = tuple(str(path.with_name(stem + end)) for end in BESIDE if path.with_name(stem + end).exists())
    return Candidate(path=str(path), bytes=sum(file.st_size for file in status), age_s=age_s, beside=beside)


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError:
        return path
