"""A failure to save nnU-Net's plot of the losses must not end a training.

nnU-Net saves the plot after every epoch and does not catch errors: a full or read-only disk ends the run there
(nnunetv2/training/logging/nnunet_logger.py, ``plot_progress_png``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from . import permissions
from .runtime import RUNTIME

NAME = "plot_progress_png"


def patch_logger(module: ModuleType) -> None:
    """Report a plot that cannot be written instead of raising, in every logger class that draws one."""
    if not permissions.is_allowed("checkpoints"):
        return
    for cls in list(vars(module).values()):
        method = vars(cls).get(NAME) if isinstance(cls, type) else None
        if isinstance(method, FunctionType) and not hasattr(method, "__wrapped__"):
            setattr(cls, NAME, _never_raising(method))


def _never_raising(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def plot_progress_png(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except OSError as error:
            RUNTIME.emit("note", what="plot-failed", text=str(error))

    return plot_progress_png
