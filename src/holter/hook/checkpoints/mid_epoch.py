"""A checkpoint in the middle of an epoch, where the main thread waits for a batch that may never come.

The supervisor asks for it before it ends such a training, and only where finished epochs would be lost otherwise.
What is stored is the number of the epoch under way, which a continued training begins anew: none is left out. Its
network has learned from a part of that epoch already; the curves end with the last epoch that was finished.
"""

from __future__ import annotations

import os
from typing import Any

from .. import control
from ..remarks import Remark, remark
from ..runtime import RUNTIME
from ..workers import restart
from . import select as files
from .epochs import OVER
from .snapshots import STATE, tried

ACTION = "save-checkpoint"


def ask(number: int) -> None:
    """Take a request; on the pulse thread."""
    trainer = STATE.trainer()
    reason = _why_not(trainer)
    if reason is not None:
        control.tell(ACTION, "failed", reason, number=number)
        return
    STATE.wanted["checkpoint"] = number  # told by whichever comes first: this one, or one that is being written
    control.tell(ACTION, "begun", remark("mid-epoch"), number=number)
    if _errand not in restart.errands:
        restart.errands.append(_errand)


def _why_not(trainer: Any) -> Remark | None:
    if RUNTIME.phase() in OVER:
        return remark("training-over")
    if trainer is None or not int(trainer.current_epoch):
        return remark("no-epoch-yet")
    if getattr(trainer, "is_ddp", False):
        return remark("several-gpus")
    if getattr(trainer, "disable_checkpointing", False):
        return remark("checkpoints-off")
    return None if restart.waits_here() else remark("not-here")


def _errand() -> None:
    if "checkpoint" in STATE.wanted:  # else one has come in between, or the epoch has ended with one
        tried(_save, STATE.trainer())


def _save(trainer: Any) -> None:
    epoch = int(trainer.current_epoch)
    latest = STATE.latest
    if latest is not None and latest.epoch == epoch and not latest.done:
        return  # it is on its way to the disk, and will be told
    trainer.current_epoch = epoch - 1  # what is stored is the number of the epoch that comes next
    STATE.midway = True
    try:
        trainer.save_checkpoint(os.path.join(trainer.output_folder, files.LATEST))  # noqa: PTH118
    finally:
        STATE.midway = False
        trainer.current_epoch = epoch
