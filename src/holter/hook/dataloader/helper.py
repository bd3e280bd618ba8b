"""Recognise a program that a training has started, such as an evaluation: what it does is not the training."""

from __future__ import annotations

import os
import sys

from .. import page as layout
from ..process import is_spawned_child
from ..runtime import RUNTIME

# Launchers tell each rank its number; Lightning starts the others below the first one.
OF_RANK = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
DEEPEST = 16  # processes above this one, with shells and launchers


class _State:
    is_helper: bool | None = None  # None: not known yet


def is_helper() -> bool:
    """Return whether this process only evaluates, without gradients, for a training above it."""
    if sys.modules["torch"].is_grad_enabled():
        _State.is_helper = False
    elif _State.is_helper is None:
        _State.is_helper = is_program() and trains_above(os.getppid(), RUNTIME.scratch)
    return bool(_State.is_helper)


def is_program() -> bool:
    """Return whether this process runs a program of its own: it is no process of multiprocessing, and no rank."""
    from multiprocessing.process import parent_process

    return parent_process() is None and not is_spawned_child() and not any(name in os.environ for name in OF_RANK)


def trains_above(pid: int, scratch: str) -> bool:
    """Return whether this process, or one above it, has a page of a main process that has taken batches.

    ``scratch``: the folder of the pages.
    """
    for _ in range(DEEPEST):
        parent, started = _parent_and_start(pid)
        try:
            with open(os.path.join(scratch, f"beat-{pid}"), "rb") as file:  # noqa: PTH118, PTH123
                seen = layout.decode(file.read())
        except OSError:
            seen = None
        if seen is not None and seen.role == "main" and seen.steps_total and seen.started_ticks == started:
            return True
        if parent <= 1:
            return False
        pid = parent
    return False


def _parent_and_start(pid: int) -> tuple[int, int]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
        return int(fields[1]), int(fields[19])
    except (OSError, ValueError, IndexError):
        return 0, 0
