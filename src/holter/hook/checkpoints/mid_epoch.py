"""A checkpoint in the middle of an epoch, while the main thread waits for a batch that may never come.

The supervisor requests it before it stops such a training, and only if finished epochs would be lost otherwise.
The file stores the number of the current epoch; a resumed training repeats that epoch from its start, so none is
skipped. Its network has already learned from part of that epoch; the curves end with the last finished epoch.
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
from .snapshots import STATE, call_safely

ACTION = "save-checkpoint"


def ask(number: int) -> None:
    """Accept the supervisor's request for a checkpoint in the middle of the epoch, with its number.

    It is called in the pulse thread. The main thread saves, as soon as it waits for a batch.
    """
    trainer = STATE.trainer()
    reason = _why_not(trainer)
    if reason is not None:
        control.tell(ACTION, "failed", reason, number=number)
        return
    STATE.wanted["checkpoint"] = number  # answered by whichever is saved first: this one or one being written
    control.tell(ACTION, "begun", remark("mid-epoch"), number=number)
    if _save_if_wanted not in restart.main_thread_calls:
        restart.main_thread_calls.append(_save_if_wanted)


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


def _save_if_wanted() -> None:
    if "checkpoint" in STATE.wanted:  # else a checkpoint was saved in the meantime, or at the end of the epoch
        call_safely(_save, STATE.trainer())


def _save(trainer: Any) -> None:
    epoch = int(trainer.current_epoch)
    latest = STATE.latest
    if latest is not None and latest.epoch == epoch and not latest.done:
        return  # it is being written and will be reported
    trainer.current_epoch = epoch - 1  # nnU-Net stores current_epoch + 1
    STATE.mid_epoch = True
    try:
        trainer.save_checkpoint(os.path.join(trainer.output_folder, files.LATEST))  # noqa: PTH118
    finally:
        STATE.mid_epoch = False
        trainer.current_epoch = epoch
