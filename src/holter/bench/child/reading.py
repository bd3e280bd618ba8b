"""The ceiling of reading: the voxels that samples need, from the data set's own files, with all readers at once.

Cold means: before each read, the system was asked to drop the case's files from memory. ``mincore`` shows whether it
did; if it kept them, there is no cold rate.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from holter.bench.child import page_cache
from holter.bench.child.timing import rate_of
from holter.bench.records import Rate
from holter.errors import HolterError
from holter.loader import Catalogue, Options, Planner, catalogue_like, sampling_like
from holter.loader.plan.files import ArrayFile
from holter.loader.quarantine import Quarantine
from holter.loader.read.backend_choice import try_out
from holter.loader.read.case_reader import CaseReader
from holter.loader.read.ram import RamCache
from holter.loader.records import SamplePlan
from holter.loader.stage.buffers import SampleBuffers
from holter.trainer.auto.decide import end

MOST_KEPT = 0.1  # of the files' pages, after the system was asked to drop them
ENDINGS = (".b2nd", "_seg.b2nd", ".npy", "_seg.npy", ".npz", ".pkl")


class Reading(NamedTuple):
    """How fast samples are read, and the mean CPU seconds of a warm sample.

    ``cold``: samples per second if their files are dropped from memory before each read; None if the system does not
    drop them or does not say. ``warm``: samples per second if no file is dropped.
    """

    cold: Rate | None
    warm: Rate
    cpu_s: float


def files_of(dataset: Any, identifier: str) -> list[Path]:
    """Return the existing files of a case."""
    folders = [Path(dataset.source_folder)]
    if dataset.folder_with_segs_from_previous_stage is not None:
        folders.append(Path(dataset.folder_with_segs_from_previous_stage))
    paths = (folder / f"{identifier}{ending}" for folder in folders for ending in ENDINGS)
    return [path for path in paths if path.is_file()]


def can_drop(dataset: Any) -> bool | None:
    """Return whether the system drops these files from memory when it is asked to; None: it does not say."""
    files = files_of(dataset, dataset.identifiers[0])
    page_cache.drop(files)
    share = page_cache.resident_share(files)
    return None if share is None else share <= MOST_KEPT


def read_by_holter(loader: Any, chain: Any, threads: int, for_s: float, *, cold: bool) -> Reading:
    """Return how fast Holter's threads read the voxels that samples need; nothing is transformed.

    Measured for ``for_s`` seconds, half of them warm. ``cold``: whether the first half counts as cold.
    """
    dataset = loader._data
    catalogue, sampling = catalogue_like(dataset), sampling_like(loader)
    planner = Planner(sampling, catalogue, chain, 0)
    backend = try_out(catalogue, Options().read_limit_s, Quarantine(len(catalogue.identifiers), print, is_strict=True))

    def readings(number: int, warm: Sequence[SamplePlan] | None) -> Iterator[tuple[SamplePlan, float, float]]:
        buffers = SampleBuffers(torch.int16, is_pinned=False)
        step = number
        while True:
            plan = planner.plan(step, 0) if warm is None else warm[step % len(warm)]
            # One with its files closed: the system keeps what is mapped.
            reader = CaseReader(catalogue, backend, RamCache(0), is_2d=sampling.is_2d)
            if warm is None:
                page_cache.drop(_paths(catalogue, plan.case))
            began_s, cpu_s = time.perf_counter(), time.thread_time()
            reader.read(plan, buffers)
            yield plan, time.perf_counter() - began_s, time.thread_time() - cpu_s
            reader.close()
            step += threads

    first = _together(lambda number: readings(number, None), threads, for_s / 2)
    plans = [plan for plan, *_ in first]
    again = _together(lambda number: readings(number, plans), threads, for_s / 2)
    return Reading(
        rate_of([wall for _, wall, _ in first], threads, block=threads) if cold else None,
        rate_of([wall for _, wall, _ in again], threads, block=threads),
        sum(cpu for *_, cpu in again) / len(again),
    )


def read_by_stock(loader: Any, workers: int, for_s: float, *, cold: bool) -> Reading:
    """Return how fast nnU-Net's worker processes read samples; with 0 workers, its loader in this process.

    Nothing is transformed. Measured warm for about half of ``for_s`` seconds; with ``cold``, the other half comes first
    and drops the files of each batch from memory before they are read.
    """
    samples, at_once = loader.batch_size, max(1, workers)
    first = _worked(_Reads(loader, drops=True), workers, for_s / 2) if cold else []
    again = _worked(_Reads(loader, drops=False), workers, for_s / 2)
    return Reading(
        rate_of([wall for wall, _ in first], samples * at_once, block=at_once) if first else None,
        rate_of([wall for wall, _ in again], samples * at_once, block=at_once),
        sum(cpu for _, cpu in again) / len(again) / samples,
    )


class _Reads:
    """In the place of a data loader: reads as it does, and returns only how long that took."""

    def __init__(self, loader: Any, *, drops: bool) -> None:
        self._loader, self._drops = copy.copy(loader), drops
        self._loader.transforms = None

    def set_thread_id(self, number: int) -> None:
        """As nnU-Net's loader."""
        self._loader.set_thread_id(number)

    def __next__(self) -> dict[str, torch.Tensor]:
        keys = self._loader.get_indices()
        if self._drops:
            for key in keys:
                page_cache.drop(files_of(self._loader._data, key))
        alone = copy.copy(self._loader)
        alone.get_indices = lambda: keys
        began_s, cpu_s = time.perf_counter(), time.process_time()
        alone.generate_train_batch()
        took = [time.perf_counter() - began_s, time.process_time() - cpu_s]
        return {"took": torch.tensor(took, dtype=torch.float64)}


def _worked(reads: _Reads, workers: int, for_s: float) -> list[tuple[float, float]]:
    # Wall and CPU seconds of each batch.
    took: list[tuple[float, float]] = []
    augmenter = augmenter_of(reads, workers)
    try:
        for _ in range(max(1, workers)):
            next(augmenter)  # while the other workers start
        until_s = time.perf_counter() + for_s
        while len(took) < max(3, workers) or time.perf_counter() < until_s:
            wall, cpu = next(augmenter)["took"].tolist()
            took.append((wall, cpu))
    finally:
        end(augmenter)
    return took


def augmenter_of(loader: Any, workers: int) -> Any:
    """Return nnU-Net's augmenter with so many worker processes around any object with ``__next__``.

    With 0 workers it works in this process. Processes start with the first batch.
    """
    from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
    from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter

    if workers == 0:
        return SingleThreadedAugmenter(loader, None)
    return NonDetMultiThreadedAugmenter(
        loader, None, workers, num_cached=max(6, workers // 2), pin_memory=torch.cuda.is_available(), wait_time=0.002
    )


def _paths(catalogue: Catalogue, case: str) -> list[Path]:
    files: list[ArrayFile | None] = [*(catalogue.known_files(case) or ())]
    return [file.path for file in files if file is not None]


def _together(make: Callable[[int], Iterator[Any]], threads: int, for_s: float) -> list[Any]:
    # What that many threads get in that time, in turns; at least one each.
    got: list[list[Any]] = [[] for _ in range(threads)]
    errors: list[BaseException] = []
    until_s = time.perf_counter() + for_s

    def work(number: int) -> None:
        try:
            for item in make(number):
                got[number].append(item)
                if time.perf_counter() >= until_s:
                    return
        except (OSError, HolterError) as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    most = max(map(len, got))
    return [each[at] for at in range(most) for each in got if at < len(each)]
