"""At the end of an epoch: save a checkpoint that is due or requested, and stop the training if requested."""

from __future__ import annotations

import os
import sys
import time
import weakref
from typing import Any

from .. import control
from ..remarks import remark
from ..runtime import RUNTIME
from . import rng_state
from . import select as files
from .snapshots import STATE, After, call_safely

EVERY_S = 600.0  # seconds between saves; every epoch if epochs take longer
OVER = ("final-validation", "shutdown")


def ask(what: str, number: int) -> None:
    """Accept the supervisor's request for a ``checkpoint`` or a ``stop`` at the end of the epoch, with its number.

    It is called in the pulse thread.
    """
    action = "save-checkpoint" if what == "checkpoint" else what
    is_over = RUNTIME.phase() in OVER
    if not is_over:
        STATE.wanted[what] = number
    if not STATE.is_first:  # every rank gets the request; only one answers
        return
    if is_over:
        control.tell(action, "failed", remark("training-over"), number=number)
    else:
        control.tell(action, "begun", remark("at-epoch-end"), number=number)


def watch_start(_: Any, *__: Any, **___: Any) -> After:
    """After the start of a resumed training, restore the state that the start has changed."""

    def after(trainer: Any, ok: bool) -> None:
        STATE.is_first = _is_first(trainer)
        STATE.saved_at = time.monotonic()
        STATE.trainer = weakref.ref(trainer)
        own, STATE.resumed = STATE.resumed, None
        if ok and own is not None:  # again: creating the loaders has drawn random numbers
            rng_state.restore_loaders(own, trainer)
            rng_state.restore(own)

    return after


def watch_end(trainer: Any, *_: Any, **__: Any) -> After:
    """After an epoch, save a checkpoint that is due, and stop the training if that was requested."""
    epoch = int(trainer.current_epoch)

    def after(trainer: Any, ok: bool) -> None:
        if not ok:
            return
        is_first = _is_first(trainer)
        stop, due, unsaved = _most(
            trainer,
            STATE.wanted.pop("stop", 0),
            int(is_first and _is_due()),
            int(is_first and not _is_saved(epoch)),
        )
        is_last = epoch >= int(trainer.num_epochs) - 1
        if unsaved and (stop or (due and not is_last)):
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


def _is_first(trainer: Any) -> bool:
    return int(getattr(trainer, "local_rank", 0)) == 0


def _is_saved(epoch: int) -> bool:
    latest = STATE.latest
    return latest is not None and latest.epoch == epoch + 1 and latest.error is None


def _save_latest(trainer: Any, epoch: int) -> None:
    # As nnU-Net would at the end of this epoch: called in every rank; only the first writes. A custom trainer may
    # gather what it saves from all ranks and would wait endlessly for a rank that does not take part.
    if getattr(trainer, "disable_checkpointing", False):
        number = STATE.wanted.pop("checkpoint", None)
        if number is not None and _is_first(trainer):
            control.tell("save-checkpoint", "failed", remark("checkpoints-off"), number=number)
        return
    now = trainer.current_epoch
    trainer.current_epoch = epoch  # it was already advanced; the file stores the number of the next epoch
    try:
        trainer.save_checkpoint(os.path.join(trainer.output_folder, files.LATEST))  # noqa: PTH118
    finally:
        trainer.current_epoch = now


def _most(trainer: Any, *values: int) -> tuple[int, ...]:
    # The maximum over all ranks: a rank that stopped or saved alone would leave the others waiting endlessly.
    if not getattr(trainer, "is_ddp", False):
        return values
    torch: Any = sys.modules["torch"]
    shared = torch.tensor(values, device=trainer.device)
    torch.distributed.all_reduce(shared, op=torch.distributed.ReduceOp.MAX)
    return tuple(int(value) for value in shared.tolist())


def _stop(trainer: Any, epoch: int, number: int) -> None:
    is_first = _is_first(trainer)
    if is_first:
        STATE.background.drain()
    (is_saved,) = _most(trainer, int(is_first and _is_saved(epoch)))
    if not is_saved:
        if is_first:
            control.tell("stop", "failed", remark("stop-not-saved", epoch=epoch), number=number)
        return
    if is_first:
        control.tell("stop", "done", remark("stopped-after", epoch=epoch, file=files.LATEST), number=number)
    for name in rng_state.LOADERS:
        finish = getattr(getattr(trainer, name, None), "_finish", None)
        if callable(finish):
            call_safely(finish)
    _most(trainer, 0)  # wait for all ranks: when the first one exits, the others and their workers are killed
    try:
        code = int(os.environ.get("HOLTER_STOP_EXIT_CODE", "0"))
    except ValueError:
        code = 0
    raise SystemExit(code)
