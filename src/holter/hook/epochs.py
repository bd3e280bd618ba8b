"""The end of an epoch is where a checkpoint that is due or asked for is saved, and where a training can be ended."""

from __future__ import annotations

import os
import sys
import time
import weakref
from typing import Any

from . import control, states
from . import verify as files
from .life import LIFE
from .snapshots import STATE, After, tried

EVERY_S = 600.0  # between saves; with longer epochs, every epoch
OVER = ("final-validation", "shutdown")


def ask(what: str, number: int) -> None:
    """Take a request; on the pulse thread."""
    action = "save-checkpoint" if what == "checkpoint" else what
    if LIFE.phase() in OVER:
        control.tell(action, "failed", "the training is over; its final checkpoint is what there is", number)
        return
    STATE.wanted[what] = number
    control.tell(action, "begun", "at the end of this epoch", number)


def watch_start(_: Any, *__: Any, **___: Any) -> After:
    """After the start of a training that was loaded, set what the start has changed."""

    def after(trainer: Any, ok: bool) -> None:
        STATE.saved_at = time.monotonic()
        STATE.trainer = weakref.ref(trainer)
        own, STATE.resumed = STATE.resumed, None
        if ok and own is not None:  # once more: making the loaders has drawn random numbers
            states.restore_loaders(own, trainer)
            states.restore(own)

    return after


def watch_end(trainer: Any, *_: Any, **__: Any) -> After:
    """After an epoch, save what is due and end the training if asked."""
    epoch = int(trainer.current_epoch)

    def after(trainer: Any, ok: bool) -> None:
        if not ok:
            return
        stop = _most(trainer, STATE.wanted.pop("stop", 0))
        is_last = epoch >= int(trainer.num_epochs) - 1
        if stop or (_is_due() and not is_last):
            _save_latest(trainer, epoch)
        if stop:
            _stop(trainer, epoch, stop)

    return after


def _is_due() -> bool:
    latest = STATE.latest
    if "checkpoint" in STATE.wanted or (latest is not None and latest.error is not None):
        return True
    taken = latest.taken if latest is not None else STATE.saved_at
    return time.monotonic() - max(taken, STATE.saved_at) >= _every_s()


def _every_s() -> float:
    try:
        return float(os.environ["HOLTER_CHECKPOINT_EVERY_S"])
    except (KeyError, ValueError):
        return EVERY_S


def _save_latest(trainer: Any, epoch: int) -> None:
    """Save as nnU-Net would have at the end of this epoch, unless it just did."""
    latest = STATE.latest
    is_saved = latest is not None and latest.epoch == epoch + 1 and latest.error is None
    if is_saved or getattr(trainer, "local_rank", 0) != 0:
        return
    if getattr(trainer, "disable_checkpointing", False):
        if (number := STATE.wanted.pop("checkpoint", None)) is not None:
            control.tell("save-checkpoint", "failed", "checkpoints are switched off in this training", number)
        return
    now = trainer.current_epoch
    trainer.current_epoch = epoch  # its end has been counted already; what is stored is the next one's number
    try:
        trainer.save_checkpoint(os.path.join(trainer.output_folder, files.LATEST))  # noqa: PTH118
    finally:
        trainer.current_epoch = now


def _most(trainer: Any, value: int) -> int:
    """The largest value of all ranks: one that stopped alone would leave the rest waiting for ever."""
    if not getattr(trainer, "is_ddp", False):
        return value
    torch: Any = sys.modules["torch"]
    shared = torch.tensor([value], device=trainer.device)
    torch.distributed.all_reduce(shared, op=torch.distributed.ReduceOp.MAX)
    return int(shared.item())


def _stop(trainer: Any, epoch: int, number: int) -> None:
    """End the training in order, its last epoch on the disk; else say why not and go on."""
    is_first = getattr(trainer, "local_rank", 0) == 0
    if is_first:
        STATE.background.drain()
    latest = STATE.latest
    is_saved = latest is not None and latest.epoch == epoch + 1 and latest.error is None
    if not _most(trainer, int(is_saved)):
        if is_first:
            control.tell("stop", "failed", f"epoch {epoch} could not be saved; the training goes on", number)
        return
    if is_first:
        control.tell("stop", "done", f"after epoch {epoch}, which is in {files.LATEST}", number)
    for name in states.LOADERS:
        finish = getattr(getattr(trainer, name, None), "_finish", None)
        if callable(finish):
            tried(finish)
    try:
        code = int(os.environ.get("HOLTER_STOP_EXIT_CODE", "0"))
    except ValueError:
        code = 0
    raise SystemExit(code)
