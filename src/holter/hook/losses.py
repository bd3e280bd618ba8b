"""Since which step the training loss is no number any more: the log tells only that an epoch's mean was none."""

from __future__ import annotations

import math
from typing import Any

from .runtime import RUNTIME

# A loss that comes and goes (a GradScaler skips such steps) is told so often, and then no more.
MOST_CHANGES = 20


class _State:
    is_lost = False
    changes = 0


def see(result: Any) -> None:
    """Look at what ``train_step`` returned: a dictionary with the loss as an array of one number.

    One that a trainer of its own keeps on the GPU is not looked at: the CPU would wait for the GPU in every step.
    """
    try:
        loss = result["loss"]
        if getattr(loss, "is_cuda", False):
            return
        lost = not math.isfinite(loss)
    except Exception:
        return  # a trainer that returns something else is not looked at
    if lost != _State.is_lost:
        _State.is_lost = lost
        _State.changes += 1
        if _State.changes <= MOST_CHANGES:
            RUNTIME.emit("loss", finite=not lost, epoch=RUNTIME.page.epoch, iteration=RUNTIME.page.iteration)
