"""How far a fold is and how long its epochs take, from the end of its training log. Never reads a whole log."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import statistics
from collections.abc import Iterable
from pathlib import Path

import msgspec

from holter.study.records import Progress
from holter.texts.results_folder import LOGS

# About 30 epochs of seven lines, and about 600; the header with the plans is at the beginning.
TAIL_BYTES = (1 << 14, 1 << 18)
# A training that was restarted often has as many logs; the newest ones may have no epoch yet.
MOST_LOGS = 5
# Enough for a median, few enough to follow a change of the machine.
LAST_EPOCHS = 20
_EPOCH = re.compile(rb": +Epoch:? (\d+) *$", re.MULTILINE)
_TIME = re.compile(rb": +Epoch time: (\d+(?:\.\d+)?) s", re.MULTILINE)
_LOSS = re.compile(rb": +val_loss:? (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|nan|inf|-inf) *$", re.MULTILINE)
_NAMED = re.compile(r"_(\d+)epochs?(?:_|$)")
USUAL = {"nnUNetTrainer": 1000, "nnUNetTrainerHolter": 1000}


def progress_of(folder: Path, names: Iterable[str]) -> Progress:
    """Return the progress that the newest training logs of a fold show; an empty one if there is no log.

    ``names``: of the files in ``folder``.
    """
    logs = []
    for name in fnmatch.filter(names, LOGS):
        with contextlib.suppress(OSError):
            logs.append(((folder / name).stat().st_mtime, folder / name))
    logs.sort(reverse=True)
    for _, log in logs[:MOST_LOGS]:
        with contextlib.suppress(OSError):
            found = _progress(log)
            if found is not None:
                return msgspec.structs.replace(found, written_s=logs[0][0])
    return Progress(written_s=logs[0][0] if logs else None)


def planned_by_name(trainer: str) -> int | None:
    """Return the epochs that the name of a trainer promises; None if it promises none."""
    named = _NAMED.search(trainer)
    return int(named[1]) if named else USUAL.get(trainer)


def _progress(log: Path) -> Progress | None:
    # A short tail is enough for most logs. Of many classes an epoch's line of Dice alone has kilobytes.
    for most in TAIL_BYTES:
        tail, is_whole = _tail(log, most)
        times = [float(each) for each in _TIME.findall(tail)]
        if is_whole or len(times) >= LAST_EPOCHS:
            break
    epochs = list(_EPOCH.finditer(tail))
    if not epochs:
        return None
    # The last epoch that was begun has ended if its time stands behind it.
    ended = _TIME.search(tail, epochs[-1].end())
    losses = _LOSS.findall(tail)
    return Progress(
        epochs_done=int(epochs[-1][1]) + (1 if ended else 0),
        epoch_s=statistics.median(times[-LAST_EPOCHS:]) if times else None,
        loss=float(losses[-1]) if losses else None,
    )


def _tail(log: Path, most: int) -> tuple[bytes, bool]:
    # The end of a file, and whether that is all of it.
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - most))
        return file.read(), size <= most
