"""nnU-Net's commands that do not train: their phase, the case in each worker's hand, and how many cases are done.

``nnUNetv2_plan_and_preprocess`` and ``nnUNetv2_preprocess`` hand cases to a pool, ``nnUNetv2_predict`` has one set of
workers that prepares cases and a pool that exports them. The main process counts finished cases by its progress bar.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from .runtime import RUNTIME, quietly
from .workers import children

BEFORE_WORK = ("startup", "unknown", "shutdown")
ROLE = "pool-worker"


def patch_commands(module: ModuleType) -> None:
    """Set the phase while fingerprints are extracted and cases preprocessed, in the module that both commands call."""
    for name in ("extract_fingerprint_dataset", "preprocess_dataset"):
        original = getattr(module, name, None)
        if original is not None:
            setattr(module, name, _preprocesses(original))


def _preprocesses(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def work(*args: Any, **kwargs: Any) -> Any:
        is_ours = begin("preprocess")
        result = original(*args, **kwargs)
        if is_ours:
            RUNTIME.enter("shutdown")
        return result

    return work


def begin(phase: str) -> bool:
    """Enter the phase of a command that does not train, such as preprocessing.

    Return False, and change nothing, if this process is in another phase already.
    """
    if RUNTIME.phase() not in BEFORE_WORK:
        return False
    RUNTIME.page.iteration = 0
    RUNTIME.enter(phase)
    children.start_pulse()
    return True


def expect(cases: int) -> None:
    """Say how many cases there are; the number of those done starts again."""
    RUNTIME.page.iteration = 0
    RUNTIME.page.write_info({"num_cases": cases})
    RUNTIME.progress()


def finish(count: int = 1) -> None:
    """Count finished cases."""
    RUNTIME.page.iteration += count
    RUNTIME.progress()


# ------------------------------------------------------------------------------------------------ the main process


def patch_bar(module: ModuleType) -> None:
    """Count by the progress bar of the module; one that is turned off counts as well."""
    stock = module.tqdm

    class Counted(stock):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            total = kwargs.get("total")
            if isinstance(total, int) and RUNTIME.phase() == "preprocess":
                expect(total)
            stock.__init__(self, *args, **kwargs)

        def update(self, n: Any = 1) -> Any:
            if RUNTIME.phase() == "preprocess":
                finish(int(n))
            return stock.update(self, n)

    module.tqdm = Counted  # type: ignore[attr-defined]


def patch_predictor(cls: Any) -> None:
    """Set the phase of a prediction, and count the cases that are handed to the export."""
    iterate = getattr(cls, "predict_from_data_iterator", None)
    if iterate is not None:

        @functools.wraps(iterate)
        def predict_from_data_iterator(self: Any, data_iterator: Any, *args: Any, **kwargs: Any) -> Any:
            is_ours = begin("predict")
            result = iterate(self, _counted(data_iterator) if is_ours else data_iterator, *args, **kwargs)
            if is_ours:
                RUNTIME.enter("shutdown")
            return result

        cls.predict_from_data_iterator = predict_from_data_iterator
    lists = getattr(cls, "_manage_input_and_output_lists", None)
    if lists is not None:

        @functools.wraps(lists)
        def _manage_input_and_output_lists(*args: Any, **kwargs: Any) -> Any:
            result = lists(*args, **kwargs)
            with quietly("cases"):
                expect(len(result[0]))
            return result

        cls._manage_input_and_output_lists = _manage_input_and_output_lists


def _counted(cases: Any) -> Iterator[Any]:
    # A case is done when the next one is asked for.
    done = -1
    for case in cases:
        done += 1
        finish(1 if done else 0)
        name = case.get("ofile") if isinstance(case, dict) else None
        RUNTIME.take_case(os.path.basename(str(name)) if isinstance(name, str) else "")  # noqa: PTH119
        yield case
    if done >= 0:
        finish()
    RUNTIME.take_case("")


# ----------------------------------------------------------------------------------------------------- the workers


def patch_preprocessor(module: ModuleType) -> None:
    """Record the case that a worker preprocesses, for a data set and for a prediction."""
    patch_bar(module)
    for name in ("run_case", "run_case_save"):
        original = getattr(module.DefaultPreprocessor, name, None)
        if original is not None:
            setattr(module.DefaultPreprocessor, name, _watched(original, position=1))


def patch_extractor(module: ModuleType) -> None:
    """Record the case whose fingerprint a worker takes."""
    patch_bar(module)
    cls = module.DatasetFingerprintExtractor
    cls.analyze_case = staticmethod(_watched(cls.analyze_case, position=0))


def _watched(original: Callable[..., Any], position: int) -> Callable[..., Any]:
    # Wrapped under its own name: pools pickle the function by it.
    @functools.wraps(original)
    def work(*args: Any, **kwargs: Any) -> Any:
        is_ours = _take(args[position]) if len(args) > position else False
        try:
            result = original(*args, **kwargs)
        except Exception as error:
            if is_ours:
                RUNTIME.record_exception(error, error.__traceback__)
            raise
        if is_ours:
            RUNTIME.take_case("")
            RUNTIME.page.steps_total += 1
            RUNTIME.progress()
        return result

    return work


def _take(case: Any) -> bool:
    # The name of a file, a truncated one, or a list of the files of one case. False within a case, and in main.
    from multiprocessing.process import parent_process

    with quietly("case"):
        if RUNTIME.page.case or parent_process() is None:
            return False
        file = case[0] if isinstance(case, (list, tuple)) and case else case
        RUNTIME.open(ROLE)
        RUNTIME.take_case(os.path.basename(str(file)))  # noqa: PTH119
        return True
    return False
