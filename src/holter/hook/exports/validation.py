"""Record the final validation: predicted tiles, exported cases, and waits for exports."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import permissions, pools
from ..info import is_compiled
from ..runtime import RUNTIME, quietly


def patch_predictor(module: ModuleType) -> None:
    """Count every predicted tile. If ``validation`` is granted, also replace the pools of the exports."""
    cls = module.nnUNetPredictor
    predict = getattr(cls, "predict_from_data_iterator", None)
    if predict is not None and permissions.is_allowed("validation"):
        cls.predict_from_data_iterator = _with_pools(predict)
    pools.patch_predictor(cls)
    original = cls._internal_maybe_mirror_and_predict

    first = [True]

    @functools.wraps(original)
    def _internal_maybe_mirror_and_predict(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = RUNTIME.phase()
        compiles = first.pop() if first else False
        if compiles and is_compiled(getattr(self, "network", None)):  # no deep supervision: compiles again
            RUNTIME.enter("compile")
        prediction = original(self, *args, **kwargs)
        RUNTIME.enter(before)
        RUNTIME.progress()
        return prediction

    cls._internal_maybe_mirror_and_predict = _internal_maybe_mirror_and_predict


def _with_pools(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def predict_from_data_iterator(*args: Any, **kwargs: Any) -> Any:
        restore = _install_pools()
        try:
            return original(*args, **kwargs)
        finally:
            restore()

    return predict_from_data_iterator


def _install_pools() -> Callable[[], None]:
    with quietly("exports"):
        from . import patches

        return patches.install_pools()
    return lambda: None


def patch_slots(module: ModuleType) -> None:
    """Record waits for a free export worker: the main process polls this function while there is none."""
    original = module.check_workers_alive_and_busy

    @functools.wraps(original)
    def check_workers_alive_and_busy(*args: Any, **kwargs: Any) -> Any:
        busy = original(*args, **kwargs)
        if busy and RUNTIME.page.waits == 0:
            RUNTIME.wait_for("export-slot")
        elif not busy and RUNTIME.page.waits != 0:
            RUNTIME.wait_over()
        return busy

    module.check_workers_alive_and_busy = check_workers_alive_and_busy  # type: ignore[attr-defined]


def watch_results() -> Callable[[], None]:
    """Record waits for an export's result; call the returned function to stop.

    If ``validation`` is granted, the export pools are also replaced until then.
    """
    give_back = _install_pools() if permissions.is_allowed("validation") else None
    from multiprocessing.pool import ApplyResult

    original = ApplyResult.get

    @functools.wraps(original)
    def get(self: Any, timeout: float | None = None) -> Any:
        RUNTIME.wait_for("export-result")
        try:
            result = original(self, timeout)
            RUNTIME.progress()
            return result
        finally:
            RUNTIME.wait_over()

    def restore() -> None:
        if ApplyResult.get is get:
            ApplyResult.get = original  # type: ignore[method-assign]
        if give_back is not None:
            give_back()

    ApplyResult.get = get  # type: ignore[method-assign]
    return restore


def patch_export(module: ModuleType) -> None:
    """Record the current case of an export worker. The functions stay picklable under their own names."""
    for name, position, keyword in (
        ("export_prediction_from_logits", 5, "output_file_truncated"),
        ("resample_and_save", 2, "output_file"),
    ):
        original = getattr(module, name, None)
        if original is not None:
            setattr(module, name, _watched_export(original, position, keyword))


def _watched_export(original: Callable[..., Any], position: int, keyword: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def export(*args: Any, **kwargs: Any) -> Any:
        in_worker = _in_worker()
        if in_worker:
            _take(args[position] if len(args) > position else kwargs.get(keyword))
        try:
            result = original(*args, **kwargs)
        except Exception as error:
            RUNTIME.record_exception(error, error.__traceback__)
            raise
        if in_worker:
            RUNTIME.take_case("")
            RUNTIME.page.steps_total += 1
            RUNTIME.progress()
        return result

    return export


def _in_worker() -> bool:
    from multiprocessing.process import parent_process

    return parent_process() is not None


def _take(output_file: Any) -> None:
    with quietly("export"):
        RUNTIME.open("export-worker")
        RUNTIME.take_case(os.path.basename(str(output_file)))  # noqa: PTH119
