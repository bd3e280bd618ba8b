"""The step at which the training loss becomes NaN or infinite; nnU-Net's log has only the mean of the epoch."""

from __future__ import annotations

import math
from typing import Any

from .runtime import RUNTIME

# A loss that alternates (a GradScaler skips such steps) is reported this often, then no longer.
MOST_CHANGES = 20


class _State:
    is_lost = False
    changes = 0


def see(result: Any) -> None:
    """Check the loss that ``train_step`` returned: a dictionary with the loss as an array of one number.

    A loss that a custom trainer keeps on the GPU is not read: the CPU would wait for the GPU in every step.
    """
    try:
        loss = result["loss"]
        if getattr(loss, "is_cuda", False):
            return
        lost = not math.isfinite(loss)
    except Exception:
        return  # a trainer that returns something else is not checked
    if lost != _State.is_lost:
        _State.is_lost = lost
        _State.changes += 1
        if _State.changes <= MOST_CHANGES:
            RUNTIME.emit("loss", finite=not lost, epoch=RUNTIME.page.epoch, iteration=RUNTIME.page.iteration)
