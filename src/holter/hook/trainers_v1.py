"""Wrap the trainer of nnU-Net v1, and of its copies under other names such as MedNeXt: known by what it has.

Phase, epoch and iteration are recorded. Checkpoints are left to the trainer: their names and content differ from v2.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import info, losses, trainers
from . import page as layout
from .runtime import RUNTIME, quietly
from .workers import children

METHODS = ("initialize", "run_training", "run_iteration", "on_epoch_end", "save_checkpoint", "print_to_log_file")


def patch_trainers(module: ModuleType) -> None:
    """Wrap every class of the module that trains as nnU-Net v1 does; methods are wrapped at the first instance."""
    for cls in list(vars(module).values()):
        if isinstance(cls, type) and cls.__module__ == module.__name__ and _trains(cls):
            RUNTIME.activate(module.__name__)
            _watch_instances(cls)


def _trains(cls: Any) -> bool:
    return all(callable(vars(cls).get(name)) for name in METHODS)


def _watch_instances(cls: Any) -> None:
    original = cls.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        with quietly("trainer"):
            trainers.watch_classes(type(self), WATCHES, {"run_iteration": _watched_iteration})
            RUNTIME.open("main")
            RUNTIME.enter("startup")
            children.start_pulse()
        original(self, *args, **kwargs)

    cls.__init__ = __init__


_inside: list[bool] = []  # an iteration runs now: an override's call of super() is not another one


def _watched_iteration(original: Callable[..., Any]) -> Callable[..., Any]:
    # It runs once per step: do as little as possible.

    @functools.wraps(original)
    def run_iteration(self: Any, data_generator: Any, do_backprop: bool = True, *args: Any, **kwargs: Any) -> Any:
        if _inside:
            return original(self, data_generator, do_backprop, *args, **kwargs)
        _inside.append(True)
        try:
            _enter("train" if do_backprop else "validate", self)
            result = original(self, data_generator, do_backprop, *args, **kwargs)
        finally:
            _inside.clear()
        RUNTIME.page.end_step()
        if do_backprop:
            losses.see({"loss": result})
        return result

    return run_iteration


def _enter(phase: str, trainer: Any) -> None:
    epoch = getattr(trainer, "epoch", None)
    if RUNTIME.phase() != phase or RUNTIME.page.epoch != epoch:
        RUNTIME.page.iteration = layout.UNKNOWN
        RUNTIME.enter(phase, epoch)


def _initialize(*_: Any, **__: Any) -> trainers.After:
    return lambda trainer, _: info.publish_info(trainer, INFO)


def _run_training(*_: Any, **__: Any) -> trainers.After:
    RUNTIME.emit("began", what="run_training")
    return trainers.finished("run_training")


def _validation(*_: Any, **__: Any) -> trainers.After:
    RUNTIME.page.iteration = layout.UNKNOWN
    RUNTIME.enter("final-validation")
    return trainers.finished("perform_actual_validation")


WATCHES: dict[str, trainers.Watch] = {
    "initialize": _initialize,
    "run_training": _run_training,
    "on_epoch_end": trainers.epoch_end,
    "print_to_log_file": trainers.log_line,
    "save_checkpoint": trainers.checkpoint,
    "validate": _validation,
}

# Without the results folder: what Holter knows of such a folder holds for v2.
INFO: dict[str, Callable[[Any], Any]] = {
    "trainer": lambda trainer: type(trainer).__name__,
    "fold": lambda trainer: trainer.fold,
    "patch_size": lambda trainer: [int(size) for size in trainer.patch_size],
    "batch_size": lambda trainer: int(trainer.batch_size),
    "num_epochs": lambda trainer: int(trainer.max_num_epochs),
    "train_iterations": lambda trainer: int(trainer.num_batches_per_epoch),
    "val_iterations": lambda trainer: int(trainer.num_val_batches_per_epoch),
    "save_every": lambda trainer: int(trainer.save_every),
    "train_workers": lambda trainer: int(trainer.tr_gen.num_processes),
    "val_workers": lambda trainer: int(trainer.val_gen.num_processes),
    "device": lambda _: "cuda" if sys.modules["torch"].cuda.is_available() else "cpu",
    **{name: info.INFO[name] for name in ("python", "batchgenerators", "torch", "cuda", "executable")},
}
