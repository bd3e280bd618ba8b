"""Wrap the trainer's methods to record the phase, the epoch and the constant facts.

The functions are wrapped in the classes that define them (the trainer's own class and its bases, so overrides count),
not on the instance: nothing is added to the trainer, and pickle, deepcopy and ``inspect.signature`` work as before.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from . import losses, permissions
from . import page as layout
from .info import is_compiled, publish_info
from .runtime import MAX_MESSAGE, RUNTIME, quietly
from .workers import augmenters, children

# Called with the trainer before the method. It may return a function to be called with (trainer, ok) after it.
After = Callable[[Any, bool], None]
Watch = Callable[..., "After | None"]
EPOCH_END = layout.PHASES.index("epoch-end")


def patch_trainer(module: ModuleType) -> None:
    """Wrap ``nnUNetTrainer.__init__``; a trainer's methods are wrapped when an instance is created."""
    if permissions.is_allowed("checkpoints"):
        from .checkpoints import safe_saves

        safe_saves.take_over(WATCHES)
        RUNTIME.record_ability("save", True)
    cls = module.nnUNetTrainer
    original = cls.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        with quietly("trainer"):
            watch_classes(type(self))
            RUNTIME.open("main")
            children.start_pulse()
        original(self, *args, **kwargs)
        publish_info(self)

    cls.__init__ = __init__


def watch_classes(
    trainer_class: type,
    watches: Mapping[str, Watch] | None = None,
    steps: Mapping[str, Callable[..., Any]] | None = None,
) -> None:
    """Wrap the methods that we record, in every class of the trainer that defines one.

    ``watches``, ``steps``: name of a method -> what is recorded, and how a step is wrapped; None: those of nnU-Net v2.
    """
    watches = WATCHES if watches is None else watches
    steps = STEPS if steps is None else steps
    for cls in trainer_class.__mro__:
        for name in (*watches, *steps):
            method = vars(cls).get(name)
            if not isinstance(method, FunctionType) or hasattr(method, "_holter_watched"):
                continue
            watched: Any = steps[name](method) if name in steps else _watched(name, method, watches[name])
            watched._holter_watched = True
            setattr(cls, name, watched)


_inside: set[str] = set()  # methods now running: an override's call of super() is not a second event


def _watched(name: str, original: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name in _inside:
            return original(self, *args, **kwargs)
        _inside.add(name)
        after: After | None = None
        ok = False
        try:
            with quietly(name):
                after = watch(self, *args, **kwargs)
            result = original(self, *args, **kwargs)
            ok = True
            return result
        finally:
            _inside.discard(name)
            with quietly(name):
                if after is not None:
                    after(self, ok)

    return method


# ------------------------------------------------------------------------------------------------------- phases


def _startup(trainer: Any, *_: Any, **__: Any) -> After:
    RUNTIME.enter("startup", _epoch(trainer))

    def after(trainer: Any, ok: bool) -> None:
        publish_info(trainer)
        if ok and permissions.is_allowed("validation") and getattr(trainer, "local_rank", 0) == 0:
            from .exports import patches

            patches.forecast(trainer)

    return after


def _initialize(*_: Any, **__: Any) -> After:
    return lambda trainer, _: publish_info(trainer)


def _get_dataloaders(*_: Any, **__: Any) -> None:
    augmenters.LOADERS.expect()


def _train_epoch(trainer: Any, *_: Any, **__: Any) -> None:
    augmenters.LOADERS.confirm(getattr(trainer, "dataloader_train", None), getattr(trainer, "dataloader_val", None))
    RUNTIME.page.iteration = layout.UNKNOWN
    RUNTIME.enter("train", _epoch(trainer))


def _validation_epoch(trainer: Any, *_: Any, **__: Any) -> None:
    RUNTIME.page.iteration = layout.UNKNOWN
    RUNTIME.enter("validate", _epoch(trainer))


def epoch_end(*_: Any, **__: Any) -> After:
    # No step runs here: the time goes into a plot, a file server, or the user's own code.
    RUNTIME.enter("epoch-end")
    return lambda _, __: RUNTIME.progress()


def log_line(*_: Any, **__: Any) -> After | None:
    """Record a line of the log as progress where no step runs."""
    # The log lines at the end of an epoch count as progress too: on a busy file server each takes seconds.
    return (lambda _, __: RUNTIME.progress()) if RUNTIME.phase() in ("validate", "epoch-end") else None


def checkpoint(_: Any, filename: Any = None, *__: Any, **___: Any) -> After:
    """Record the writing of a checkpoint as a phase, and as an event with its length."""
    before = RUNTIME.phase()
    began = time.monotonic()
    RUNTIME.enter("checkpoint")

    def after(_: Any, ok: bool) -> None:
        RUNTIME.progress()
        RUNTIME.emit("checkpoint", file=str(filename), duration_s=time.monotonic() - began, ok=ok)
        RUNTIME.enter(before)

    return after


def _train_end(trainer: Any, *_: Any, **__: Any) -> After:
    RUNTIME.page.iteration = layout.UNKNOWN
    RUNTIME.enter("shutdown", _epoch(trainer))
    return lambda _, __: RUNTIME.progress()


def _run_training(*_: Any, **__: Any) -> After:
    RUNTIME.emit("began", what="run_training")
    return lambda _, ok: RUNTIME.emit("finished", what="run_training", ok=ok, **_raised())


def _raised() -> dict[str, str]:
    # The exception by which a method is left now.
    error = sys.exc_info()[1]
    return {} if error is None else {"error": type(error).__name__, "message": str(error)[:MAX_MESSAGE]}


def _validation(trainer: Any, *_: Any, **__: Any) -> After:
    from .exports import validation

    RUNTIME.page.iteration = layout.UNKNOWN
    RUNTIME.enter("final-validation", _epoch(trainer))
    publish_info(trainer)
    children.start_pulse()
    restore = validation.watch_results()

    over = finished("perform_actual_validation")

    def after(trainer: Any, ok: bool) -> None:
        restore()
        RUNTIME.take_case("")
        over(trainer, ok)

    return after


def finished(what: str) -> After:
    """Return what records the end of a method after which nothing but the shutdown is left."""

    def after(_: Any, ok: bool) -> None:
        if ok:  # after an exception the phase stays, so that the record shows where it happened
            RUNTIME.enter("shutdown")
        RUNTIME.emit("finished", what=what, ok=ok, **_raised())

    return after


_compiled: set[str] = set()  # names of step methods that have run once, compiled or not


def _watched_step(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    # The wrapper runs once per iteration: do as little as possible.

    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        if RUNTIME.page.phase == EPOCH_END:  # a loop of the trainer's own, without on_train_epoch_start
            RUNTIME.enter(phase, _epoch(self))
        if name not in _compiled:
            return _first_step(name, original, self, args, kwargs)
        result = original(self, *args, **kwargs)
        RUNTIME.page.end_step()
        if trains:
            losses.see(result)
        return result

    trains = name == "train_step"
    phase = "train" if trains else "validate"
    return step


def _first_step(name: str, original: Callable[..., Any], trainer: Any, args: Any, kwargs: Any) -> Any:
    _compiled.add(name)  # before it runs: an override's call of super() is not another first step
    compiles = is_compiled(getattr(trainer, "network", None))
    before = RUNTIME.phase()
    if compiles:
        RUNTIME.enter("compile")
    result = original(trainer, *args, **kwargs)
    RUNTIME.page.end_step()
    if name == "train_step":
        losses.see(result)
    if compiles:
        RUNTIME.enter(before)
    return result


WATCHES: dict[str, Watch] = {
    "initialize": _initialize,
    "get_dataloaders": _get_dataloaders,
    "on_train_start": _startup,
    "run_training": _run_training,
    "on_train_epoch_start": _train_epoch,
    "on_train_epoch_end": epoch_end,
    "on_validation_epoch_start": _validation_epoch,
    "on_validation_epoch_end": epoch_end,
    "on_epoch_end": epoch_end,
    "print_to_log_file": log_line,
    "save_checkpoint": checkpoint,
    "on_train_end": _train_end,
    "perform_actual_validation": _validation,
}
STEPS: dict[str, Callable[..., Any]] = {
    name: functools.partial(_watched_step, name) for name in ("train_step", "validation_step")
}


def patch_unpacking(module: ModuleType) -> None:
    """Record the unpacking of preprocessed cases as a phase."""
    original = module.unpack_dataset

    @functools.wraps(original)
    def unpack_dataset(*args: Any, **kwargs: Any) -> Any:
        before = RUNTIME.phase()
        RUNTIME.enter("unpack")
        try:
            return original(*args, **kwargs)
        finally:
            RUNTIME.progress()
            RUNTIME.enter(before)

    module.unpack_dataset = unpack_dataset  # type: ignore[attr-defined]


def _epoch(trainer: Any) -> int | None:
    epoch = getattr(trainer, "current_epoch", None)
    return None if epoch is None else int(epoch)
