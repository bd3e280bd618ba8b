"""The registry of runs: one small file a run in the user's state folder, which outlives the tape.

A file is replaced as a whole, so that a reader never sees half of it, even over NFS. Two hosts that share a home never
write the same file: its name holds the host, the PID and random letters.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from holter.records import Message
from holter.records.text import Record
from holter.tape.surrogates import encode

# Below the state folder.
RUNS = "runs"
SUFFIX = ".json"
# An entry has about one kilobyte; a larger file is something else.
MOST_BYTES = 1 << 16


class Entry(Record, frozen=True, kw_only=True):
    """One call of ``run``, ``train`` or ``attach``: what it recorded, where, and its result."""

    tape: str  # absolute path on that host; bytes that are not UTF-8 are escaped
    host: str
    place: str  # host, boot and PID namespace, within which the PID means something
    pid: int  # of the recorder
    pid_started: int | None = None  # start of that process in clock ticks since boot
    began: str  # ISO 8601 with offset
    seen: str  # last time that the recorder wrote this entry
    attached: bool = False
    continues: bool = False  # the training continues from a checkpoint (--c)
    command: str | None = None  # as typed, secrets hidden
    dataset: str | None = None
    configuration: str | None = None
    fold: str | None = None
    trainer: str | None = None
    folder: str | None = None  # output folder of the fold
    state: str = "running"  # ``reports.outcome.State``
    headline: Message | None = None
    epochs_done: int | None = None
    epochs_planned: int | None = None
    cause: str | None = None  # of its last trouble, at least likely
    stopped: int | None = None  # times that the training did not go on; None: written by an older Holter
    lost_s: float | None = None  # all lost time; None until it has ended
    lost_by_cause: dict[str, float] | None = None  # the same by cause; "": of unknown cause
    good_s: float | None = None  # training and validation that counted; None until it has ended
    energy_kwh: float | None = None  # of the GPUs that it may use; None: no driver tells it
    gpus: int | None = None  # that it may use, as the driver tells; None: not read yet
    job_ends: str | None = None  # when the scheduler will end its job; None: no limit is known
    ended: str | None = None  # None: it runs, or its recorder was killed
    exit_code: int | None = None
    exit_signal: int | None = None


class Kept(NamedTuple):
    """An entry, its file, and the seconds since the file was last written, by the clock of its file system."""

    entry: Entry
    file: Path
    silent_s: float


def new_file(folder: Path, host: str, pid: int) -> Path:
    """Return a name for a new entry in a state folder; nothing is created."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", host)[:40]
    moment = time.strftime("%Y%m%d-%H%M%S")
    return folder / RUNS / f"{moment}-{name}-{pid}-{secrets.token_hex(3)}{SUFFIX}"


def write(file: Path, entry: Entry) -> None:
    """Write or replace an entry, mode 0600.

    Raises:  OSError.
    """
    file.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=SUFFIX)  # 0600, whatever the umask
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(encode(entry))
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read_all(folders: Iterable[Path]) -> tuple[Kept, ...]:
    """Return the entries in these state folders, oldest first; files that are no entries are skipped."""
    found = [kept for folder in folders for kept in _in(folder / RUNS)]
    return tuple(sorted(found, key=lambda kept: kept.file.name))


def _in(folder: Path) -> list[Kept]:
    found: list[Kept] = []
    try:
        files = sorted(folder.glob(f"[!.]*{SUFFIX}"))
    except OSError:
        return found
    now_s = _now_s(folder) if files else 0.0
    for file in files:
        with contextlib.suppress(OSError, msgspec.MsgspecError, ValueError):
            status = file.stat()
            if status.st_size <= MOST_BYTES:
                entry = msgspec.json.decode(file.read_bytes(), type=Entry)
                found.append(Kept(entry, file, now_s - status.st_mtime))
    return found


def _now_s(folder: Path) -> float:
    # The clock that stamps the files: that of a file server may differ from ours.
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".now") as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()
