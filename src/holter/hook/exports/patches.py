"""Final validation and prediction: replace dead pool workers, start no more workers than fit in memory, and skip
cases that are already exported.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from .. import available_memory
from ..remarks import remark
from ..runtime import RUNTIME, quietly
from . import worker_memory as memory
from .kept import Kept, forget_if_over
from .pool import ExportPool
from .tasks import Task

# The functions of nnU-Net whose pools are replaced; pools created by other callers are left alone.
VALIDATION = "perform_actual_validation"
CALLERS = frozenset((VALIDATION, "predict_from_data_iterator", "compute_metrics_on_folder"))
STOCK_TRAINER = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
SHARE = 0.7  # of the free memory: the main process needs some, and a need computed from shapes is an estimate
FORECAST_CASES = 8  # the largest on disk; reading the properties of each costs megabytes


def forecast(trainer: Any) -> None:
    """Report before the first step how much memory the final validation will need, which may be days away."""
    loader = getattr(trainer.dataloader_val, "generator", trainer.dataloader_val)
    folder = Path(trainer.preprocessed_dataset_folder)
    largest = sorted(loader.indices, key=lambda case: -_size(folder, case))[:FORECAST_CASES]
    case_needs = memory.needs(trainer, largest)
    if not case_needs:  # nothing is validated, or no properties say the shapes
        return
    asked = int(sys.modules[STOCK_TRAINER].default_num_processes)
    need = max(case_needs).worker
    free = available_memory.available_bytes()
    if free is None:
        notice = remark("export-need", need=need)
    else:
        fit = min(asked, max(1, int(free * SHARE) // need))
        notice = remark("export-forecast", need=need, fit=fit, asked=asked)
    RUNTIME.emit("note", what="export-forecast", say=[notice])


def _size(folder: Path, case: str) -> int:
    files = [folder / f"{case}{suffix}" for suffix in (".b2nd", ".npz")]
    return sum(file.stat().st_size for file in files if file.is_file())


def install_pools() -> Callable[[], None]:
    """Replace the pools that nnU-Net creates from now on; call the returned function to undo it."""
    context = multiprocessing.get_context("spawn")
    stock = context.Pool
    if "Pool" in vars(context):  # a validation within a validation
        return lambda: None
    undo: list[Callable[[], None]] = []

    def Pool(processes: int | None = None, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - its name everywhere
        pool = None
        with quietly("export-pool"):
            frame = sys._getframe(1)
            if frame.f_code.co_name in CALLERS and processes and not args and not kwargs:
                pool = _pool_for(frame, processes, lambda: stock(processes), undo)
        return stock(processes, *args, **kwargs) if pool is None else pool

    def restore() -> None:
        vars(context).pop("Pool", None)
        for step in undo:
            step()

    context.Pool = Pool  # type: ignore[method-assign]
    return restore


def _pool_for(
    caller: FrameType, processes: int, stock: Callable[[], Any], undo: list[Callable[[], None]]
) -> ExportPool:
    trainer = caller.f_locals.get("self")
    if caller.f_code.co_name != VALIDATION or trainer is None:
        return ExportPool(processes, stock)
    with quietly("export-plan"):  # the plan only saves time and memory: the exports work without it
        probabilities = bool(caller.f_locals.get("save_probabilities"))
        processes, settled = _prepare(
            trainer, processes, probabilities, is_stock=caller.f_globals.get("__name__") == STOCK_TRAINER, undo=undo
        )
        return ExportPool(processes, stock, settled)
    return ExportPool(processes, stock)


def _prepare(
    trainer: Any, asked: int, probabilities: bool, *, is_stock: bool, undo: list[Callable[[], None]]
) -> tuple[int, Callable[[Task], None]]:
    train, validate = trainer.do_split()
    rest = list(validate)
    settled: Callable[[Task], None] = lambda _: None  # noqa: E731
    if is_stock and _is_independent(trainer):
        kept = Kept(trainer, probabilities=probabilities)
        complete = kept.complete(rest)
        if complete:
            rest = [case for case in rest if case not in complete]
            RUNTIME.emit(
                "note", what="exports-kept", say=[remark("exports-kept", kept=len(complete), all=len(validate))]
            )

        def settled(task: Task) -> None:
            if task.function == "export_prediction_from_logits":
                kept.add(task.name)

        undo.append(lambda: forget_if_over(kept.folder))
        asked = min(asked, max(1, len(rest)))  # surplus workers would only load torch
    _answer_once(trainer, (train, rest), undo)
    return _workers(trainer, rest, asked, probabilities), settled


def _is_independent(trainer: Any) -> bool:
    # Whether nothing but the exported files depends on a case being computed: ranks that share the cases meet at
    # barriers counted by cases; cascades read and write other folders.
    next_stages = trainer.configuration_manager.next_stage_names
    return not (trainer.is_ddp or trainer.is_cascaded or next_stages)


def _answer_once(trainer: Any, split: tuple[Any, list[str]], undo: list[Callable[[], None]]) -> None:
    # ``do_split`` logs on each call, so the trainer's next calls return this split.
    if "do_split" not in vars(trainer):
        trainer.do_split = lambda: split
        undo.append(lambda: vars(trainer).pop("do_split", None))


def _workers(trainer: Any, cases: list[str], asked: int, probabilities: bool) -> int:
    case_needs = memory.needs(trainer, cases, probabilities=probabilities)
    free, shared = available_memory.available_bytes(), memory.free_shared_bytes()
    if not case_needs or free is None:
        return asked
    ranks = sys.modules["torch"].distributed.get_world_size() if trainer.is_ddp else 1
    usable = int(free * SHARE / ranks)
    workers = memory.affordable(case_needs, asked, usable, None if shared is None else shared // ranks)
    largest = max(case_needs)
    if workers < asked or largest.worker > usable:
        notices = [remark("export-workers", workers=workers, asked=asked, need=largest.worker, free=free)]
        if shared is not None and largest.prediction * asked > shared // ranks:
            notices.append(remark("export-shared", shared=shared, prediction=largest.prediction))
        RUNTIME.emit("note", what="export-workers", say=notices)
    return workers
