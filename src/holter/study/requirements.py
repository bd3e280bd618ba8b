"""Disk and memory that the open trainings of a study will take: estimates, from plans and from files that are there.

Nothing but sizes is read, and no process is started.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from holter.doctor.collect.disk_child import nearest
from holter.doctor.collect.question import Question, collect
from holter.doctor.needs import DEFAULT_WORKERS, IMAGE_BYTES, OPTIMISER, Workers, training_bytes
from holter.doctor.records import Asked
from holter.errors import BadInput
from holter.records import Message
from holter.sentences import define
from holter.study.records import Cell
from holter.study.slots import WORKERS

# At the end of a training: best and final. While it runs: the latest, and the one that is being written.
KEPT, WHILE_RUNNING = 2, 2

DISK = define(
    "study.needs-disk",
    "Disk: about {need:bytes} more for checkpoints, two of each training ({how}); {free:bytes} are free in {folder}[[; "
    "{unknown} trainings are not counted]]",
)
DISK_SHORT = define(
    "study.needs-disk-short",
    "Not enough disk: checkpoints need about {need:bytes} more, two of each training ({how}); {free:bytes} are free in "
    "{folder}[[; {unknown} trainings are not counted]]",
)
DISK_UNKNOWN = define(
    "study.needs-disk-unknown",
    "Disk: the size of a checkpoint is not known from these plans, and no fold has one; {free:bytes} are free in "
    "{folder}",
)
BY_FOLDS = define("study.by-folds", "as in folds that are there")
BY_PLANS = define("study.by-plans", "estimated from the weights in the plans")
BY_BOTH = define("study.by-both", "as in folds that are there, else estimated from the plans")
MEMORY = define(
    "study.needs-memory",
    "Memory: about {need:bytes} for the largest training (estimated from the plans, with {count} data workers); "
    "{free:bytes} are free on this machine",
    one="Memory: about {need:bytes} for the largest training (estimated from the plans, with {count} data worker); "
    "{free:bytes} are free on this machine",
)
NOT_WRITABLE = define(
    "study.needs-writable",
    "Nothing can be written in {folder}[[ and {more} more folders]] (permissions, or a read-only disk): no training "
    "can start there",
)
DATA = define("study.needs-data", "Preprocessed data of these trainings: {size:bytes}")


class Requirements(NamedTuple):
    """Disk and memory that the trainings still to do need, and how much is free; None: not known."""

    disk_bytes: int | None
    disk_free_bytes: int
    folder: str  # of the results, or the nearest one above that exists
    closed: tuple[str, ...]  # folders for results in which nothing can be written now
    measured: bool  # some checkpoint was there to look at
    estimated: bool  # some size comes from plans
    unknown: int  # trainings whose checkpoint has no known size
    memory_bytes: int | None  # of the largest training
    memory_free_bytes: int
    workers: int
    data_bytes: int


def requirements_of(cells: Sequence[Cell], environ: Mapping[str, str]) -> Requirements | None:
    """Return what the trainings that are not done need, and what is free; None if all are done."""
    left = [cell for cell in cells if cell.state != "done"]
    if not left:
        return None
    questions = {cell.job.model: _question(cell, environ) for cell in left}
    sizes = {model: _checkpoint(question) for model, question in questions.items()}
    needs = [
        max(0, KEPT * size[0] - _there(cell.job.folder)) for cell in left if (size := sizes[cell.job.model]) is not None
    ]
    known = [size for size in sizes.values() if size is not None]
    folder = nearest(Path(environ["nnUNet_results"]))
    places = dict.fromkeys(_there_is(cell.job.folder) for cell in left)
    count = environ.get(WORKERS, "")
    workers = min(int(count) if count.isascii() and count.isdigit() else DEFAULT_WORKERS, os.cpu_count() or 1)
    processes = Workers(workers, max(1, workers // 2) if workers else 0, workers)
    plans = [question.plan for question in questions.values() if question is not None and question.plan is not None]
    return Requirements(
        disk_bytes=sum(needs) + WHILE_RUNNING * max(size for size, _ in known) if known else None,
        disk_free_bytes=shutil.disk_usage(folder).free,
        folder=str(folder),
        closed=tuple(str(each) for each in places if not os.access(each, os.W_OK | os.X_OK)),
        measured=any(measured for _, measured in known),
        estimated=any(not measured for _, measured in known),
        unknown=sum(sizes[cell.job.model] is None for cell in left),
        memory_bytes=max((training_bytes(plan, processes, "cuda") for plan in plans), default=None),
        memory_free_bytes=psutil.virtual_memory().available,
        workers=workers,
        data_bytes=sum(_size(each) for each in {cell.job.preprocessed for cell in left}),
    )


def sentences_of(needs: Requirements | None) -> tuple[Message, ...]:
    if needs is None:
        return ()
    said = [NOT_WRITABLE(folder=needs.closed[0], more=len(needs.closed) - 1 or None)] if needs.closed else []
    free, folder = needs.disk_free_bytes, needs.folder
    if needs.disk_bytes is None:
        said.append(DISK_UNKNOWN(free=free, folder=folder))
    else:
        how = BY_BOTH() if needs.measured and needs.estimated else BY_FOLDS() if needs.measured else BY_PLANS()
        words = DISK_SHORT if needs.disk_bytes > free else DISK
        said.append(words(need=needs.disk_bytes, how=how, free=free, folder=folder, unknown=needs.unknown or None))
    if needs.memory_bytes is not None:
        said.append(MEMORY(need=needs.memory_bytes, count=needs.workers, free=needs.memory_free_bytes))
    return (*said, DATA(size=needs.data_bytes))


def _question(cell: Cell, environ: Mapping[str, str]) -> Question | None:
    job = cell.job
    asked = Asked(
        dataset=job.dataset, configuration=job.configuration, fold=job.fold, trainer=job.trainer, plans=job.plans
    )
    with contextlib.suppress(BadInput):
        return collect(asked, environ)
    return None


def _checkpoint(question: Question | None) -> tuple[int, bool] | None:
    # Bytes of one checkpoint, and whether a file was there to measure.
    if question is None:
        return None
    if question.fold is not None and question.fold.checkpoint_bytes:
        return question.fold.checkpoint_bytes, True
    if question.plan is None or question.plan.parameters is None:
        return None
    return question.plan.parameters * IMAGE_BYTES * OPTIMISER, False


def _there_is(folder: Path) -> Path:
    # The folder or its nearest parent. One of another user may not even be asked about.
    return next(place for place in (folder, *folder.parents) if os.path.exists(place))  # noqa: PTH110


def _there(folder: Path) -> int:
    return sum(_bytes(folder.glob("checkpoint_*.pth")))


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(_bytes(folder.iterdir()))
    return 0


def _bytes(files: Iterable[Path]) -> Iterable[int]:
    for file in files:
        with contextlib.suppress(OSError):
            yield file.stat().st_size
