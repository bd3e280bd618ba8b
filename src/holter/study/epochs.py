"""How far a fold is and how long its epochs take, from the end of its training log. Never reads a whole log."""

from __future__ import annotations

import contextlib
import os
import re
import statistics
from pathlib import Path

from holter.study.records import Progress
from holter.texts.results_folder import LOGS

# About 150 epochs of seven lines; the header with the plans is at the beginning.
TAIL_BYTES = 1 << 16
# A training that was restarted often has as many logs; the newest ones may have no epoch yet.
MOST_LOGS = 5
# Enough for a median, few enough to follow a change of the machine.
LAST_EPOCHS = 20
_EPOCH = re.compile(rb": +Epoch:? (\d+) *$", re.MULTILINE)
_TIME = re.compile(rb": +Epoch time: ([\d.]+) s", re.MULTILINE)
_LOSS = re.compile(rb": +val_loss:? (-?[\d.]+(?:e[-+]?\d+)?|nan|inf|-inf) *$", re.MULTILINE)
_NAMED = re.compile(r"_(\d+)epochs?(?:_|$)")
USUAL = {"nnUNetTrainer": 1000, "nnUNetTrainerHolter": 1000}


def progress_of(folder: Path) -> Progress:
    """Return the progress that the newest training logs of a fold show; an empty one if there is no log."""
    logs = []
    with contextlib.suppress(OSError):
        logs = sorted(((log.stat().st_mtime, log) for log in folder.glob(LOGS)), reverse=True)
    for _, log in logs[:MOST_LOGS]:
        with contextlib.suppress(OSError):
            tail = _tail(log)
            times = [float(each) for each in _TIME.findall(tail)]
            epochs = [int(each) for each in _EPOCH.findall(tail)]
            if not epochs:
                continue
            # The last epoch that was begun has ended if its time stands behind it.
            ended = _TIME.search(tail, next(reversed([match.end() for match in _EPOCH.finditer(tail)])))
            losses = _LOSS.findall(tail)
            return Progress(
                epochs_done=epochs[-1] + (1 if ended else 0),
                epoch_s=statistics.median(times[-LAST_EPOCHS:]) if times else None,
                loss=float(losses[-1]) if losses else None,
                written_s=logs[0][0],
            )
    return Progress(written_s=logs[0][0] if logs else None)


def planned_by_name(trainer: str) -> int | None:
    """Return the epochs that the name of a trainer promises; None if it promises none."""
    named = _NAMED.search(trainer)
    return int(named[1]) if named else USUAL.get(trainer)


def _tail(log: Path) -> bytes:
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        return file.read()
