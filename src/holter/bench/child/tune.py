"""Compare the settings of one training, within the time and what the machine allows."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from holter.bench.child import page_cache
from holter.bench.child.candidates import Bench
from holter.bench.child.compiled import compare_compiled, is_compiled
from holter.bench.child.compute import measure_compute
from holter.bench.child.opening import Trouble, bytes_of, device_name, opened, prove
from holter.bench.child.reading import files_of
from holter.bench.child.training import Training
from holter.bench.records import LeftOut
from holter.bench.tuning.race import CandidateFailed, Race
from holter.bench.tuning.records import Block, Bounds, Candidate, Failed, Interval, Progress, Tuned, TuneOrder
from holter.bench.tuning.search import Found, search, trials_of
from holter.bench.tuning.space import MOST, PER_CPU, USUAL_BATCHES, everything, most_workers, with_readers
from holter.errors import HolterError
from holter.linux.cgroups import available_bytes
from holter.loader import sampling_like
from holter.reports.catalogue import phrase
from holter.trainer.auto.choose import stock_workers
from holter.trainer.make_feeds import VAL
from holter.trainer.memory_fit import Fit, Purposes, needed_bytes
from holter.trainer.settings import Settings, read_settings

SHM = Path("/dev/shm")
COMPUTE, COMPILE = 0.08, 0.08  # of the time
FITS = 0.5  # of the free memory, as in holter.bench.child.measure

Tell = Callable[[Any], None]


def tune(order: TuneOrder, scratch: Path, tell: Tell) -> Tuned:
    """Compare the settings that the order allows; return the best with all measurements.

    Raises:  Trouble if the training cannot be set up, the GPU's memory is not enough, or all settings fail.
    """
    training, device = opened(order, scratch, tell)
    try:
        return _Tuning(order, training, device, tell).run()
    except torch.cuda.OutOfMemoryError as error:
        raise Trouble("no-gpu-memory") from error
    except (HolterError, CandidateFailed) as error:
        raise Trouble("failed") from error


class _Tuning:
    """One search."""

    def __init__(self, order: TuneOrder, training: Training, device: str, tell: Tell) -> None:
        self._order, self._training, self._device, self._tell = order, training, device, tell
        chosen = dataclasses.replace(read_settings(), wants_stock=False, chooses=False, transforms_on_gpu=False)
        self._settings: Settings = chosen
        self._left_out: list[LeftOut] = []

    def run(self) -> Tuned:
        order, training, trainer = self._order, self._training, self._training.trainer
        loader, tell = training.stock.train, self._tell
        files = [file for case in loader._data.identifiers for file in files_of(loader._data, case)]
        data_bytes, free_bytes = sum(file.stat().st_size for file in files), available_bytes()
        if free_bytes is not None and data_bytes < FITS * free_bytes:
            page_cache.fetch(files)
        batch = loader.generate_train_batch()
        compiled_now = is_compiled(trainer)
        tell("compile" if compiled_now else "compute")
        compute = measure_compute(trainer, batch, order.seconds * COMPUTE)
        compiled = self._compare_compiled(batch)
        tell("proof")
        holter = prove(training, self._leave_out) is not None
        bounds, present = self._bounds(batch, free_bytes), self._present(holter=holter)
        began_s = time.monotonic()
        bench = Bench(training, self._settings, int(loader.batch_size))
        if order.sweeps:
            compared = order.only or everything(bounds, holter=holter)
            found = _sweep(compared, bench.measure, order.sweeps, tell)
        else:
            found = search(bounds, present, bench.measure, tell, holter=holter, seconds=self._seconds())
        return Tuned(
            device=self._device,
            device_name=device_name(self._device),
            bounds=bounds,
            present=present,
            chosen=found.chosen,
            trials=found.trials,
            gain=found.gain,
            failed=tuple(Failed(candidate=each, reason=why[:300]) for each, why in found.race.failed.items()),
            is_settled=found.is_settled,
            network_per_s=compute.train.per_s,
            block=_mean(list(found.race.blocks[found.chosen].values())),
            compiled=compiled,
            is_compiled=compiled_now,
            data_bytes=data_bytes,
            measured_s=time.monotonic() - began_s,
            left_out=tuple(self._left_out),
        )

    def _seconds(self) -> float:
        used = COMPUTE + (COMPILE if self._device == "cuda" else 0.0)
        return self._order.seconds * (1 - used)

    def _leave_out(self, code: str, detail: object = "") -> None:
        said = phrase(detail.what, "en") if isinstance(detail, HolterError) else str(detail)
        self._left_out.append(LeftOut(code=code, detail=said[:300]))

    def _compare_compiled(self, batch: dict[str, Any]) -> Interval | None:
        if self._device != "cuda":
            self._leave_out("compile-cpu")
            return None
        self._tell("compile")
        try:
            return compare_compiled(self._training.trainer, batch, self._order.seconds * COMPILE)
        except Exception as error:  # noqa: BLE001 - a compiler that is missing or fails is no reason to measure nothing
            self._leave_out("compile", f"{type(error).__name__}: {error}")
            return None

    def _present(self, *, holter: bool) -> Candidate:
        if self._order.present_loader == "holter" and holter:
            usual = self._settings.readers(gpu_transforms=False, gpu_training=self._device == "cuda")
            threads = self._settings.threads or self._order.present_readers or usual
            return with_readers("holter", threads, self._settings.batches)
        return with_readers("stock", stock_workers())

    def _bounds(self, batch: dict[str, Any], memory: int | None) -> Bounds:
        order, cores, size = self._order, os.cpu_count() or 1, bytes_of(batch)
        shm = shutil.disk_usage(SHM).free if SHM.is_dir() else None
        workers, limited = most_workers(order.cpus, cores, memory, shm, size)
        threads = by_cores = max(1, min(MOST, round(PER_CPU * order.cpus)))
        while threads > 1 and self._is_short(threads, memory):
            threads -= 1
        if threads < by_cores and "memory" not in limited:
            limited = ("memory", *limited)
        return Bounds(
            cpus=order.cpus,
            cores=cores,
            memory_bytes=memory,
            shm_bytes=shm,
            batch_bytes=size,
            most_workers=workers,
            most_threads=threads,
            limited_by=limited,
        )

    def _is_short(self, threads: int, free: int | None) -> bool:
        # Whether Holter's loader would take fewer threads by itself.
        facts = self._training.facts
        wanted = Purposes((self._settings.batches or USUAL_BATCHES, VAL.depth), threads)
        samplings = [sampling_like(loader) for loader in self._training.stock]
        needed = needed_bytes(wanted, samplings, facts.channels, facts.seg_channels, on_gpu=False)
        return Fit(wanted, needed, free).is_short


def _sweep(candidates: Sequence[Candidate], measure: Callable[[Candidate], Block], rounds: int, tell: Tell) -> Found:
    def report(blocks: int, candidates: int, _: float) -> None:
        tell(Progress(phase="spread", blocks=blocks, candidates=candidates, left_s=0.0))

    race = Race(measure, report)
    race.sweep(candidates, rounds)
    best = race.best(race.usable(candidates))
    return Found(best, Interval(value=1.0), True, trials_of(race), race)


def _mean(blocks: Sequence[Block]) -> Block:
    return Block(
        per_s=fmean(block.per_s for block in blocks),
        wait_ratio=fmean(block.wait_ratio for block in blocks),
        busy_cores=fmean(block.busy_cores for block in blocks),
    )
