"""Who holds a fold: what its lock file tells a machine that may be another one, with another clock."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Collection
from pathlib import Path

from holter.records import Message
from holter.sentences import define
from holter.study.records import Cell, Progress
from holter.supervisor.folds.fold_lock import FILE, STALE_S, read_fold
from holter.supervisor.folds.lock_state import LockState, host_of
from holter.supervisor.folds.unchanged import Unchanged

HELD = define("study.held", "PID {pid} on {host}")
HELD_UNNAMED = define("study.held-unnamed", "its lock does not say by whom: {file}")
HELD_AHEAD = define(
    "study.held-ahead",
    "{holder}; its lock was written {ahead:duration} later than the clock of this machine shows, so it may have ended",
)
ON_ANOTHER = define(
    "study.on-another",
    "on {host}, as its training log of {age:duration} ago suggests; if that has ended, use holter study run … --retry, "
    "or wait until the log is {quiet:duration} old",
)
# nnU-Net writes into its log when an epoch begins and ends, and of each case of the final validation.
QUIET_S, QUIET_EPOCHS = 600.0, 1.5
DESCRIPTION = "debug.json"

# By lock file: how long it has not changed, for a caller that looks again and again.
Silences = dict[Path, Unchanged]


def holder_of(folder: Path, silences: Silences) -> Message | None:
    """Return who holds a fold; None if nobody does, or if the holder is on another host and was silent for too long.

    In the first look the time of the file decides; later ones see whether it changes, whatever the clocks say.
    """
    seen = read_fold(folder)
    if seen.state not in ("held", "elsewhere"):
        return None
    file = folder / FILE
    holder = _named(file, seen)
    if seen.state == "held":
        return holder
    try:
        touched_s = file.stat().st_mtime
    except OSError:
        return None
    silence = silences.setdefault(file, Unchanged())
    age_s = time.time() - touched_s
    if silence.for_s((seen.about.get("token"), touched_s)) > STALE_S or (age_s > STALE_S and not silence.has_changed):
        return None
    return holder if age_s >= -STALE_S else HELD_AHEAD(holder=holder, ahead=-age_s)


def trained_on_another(
    folder: Path, names: Collection[str], progress: Progress, known: Collection[str]
) -> Message | None:
    """Return the host on which a fold without a lock seems to be trained; None if nothing shows that.

    Plain nnU-Net has no lock, but writes down its host, and a log. ``names``: of the files in the folder. ``known``:
    hosts of the fold's recorded calls, whose end is known better.
    """
    if FILE in names or DESCRIPTION not in names or progress.written_s is None:
        return None
    age_s, quiet_s = time.time() - progress.written_s, max(QUIET_S, QUIET_EPOCHS * (progress.epoch_s or 0.0))
    if abs(age_s) >= quiet_s:
        return None
    try:
        host = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["hostname"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(host, str) or not host or host in (socket.gethostname(), *known):
        return None
    return ON_ANOTHER(host=host, age=max(0.0, age_s), quiet=quiet_s)


def may_have_ended(cell: Cell) -> bool:
    """Return whether a fold counts as running, but nothing shows for sure that it still does."""
    return cell.state == "running" and cell.why is not None and cell.why.key in (HELD_AHEAD.key, ON_ANOTHER.key)


def _named(file: Path, seen: LockState) -> Message:
    pid = seen.about.get("pid")
    return HELD(pid=str(pid), host=host_of(seen.about)) if isinstance(pid, int) else HELD_UNNAMED(file=str(file))
