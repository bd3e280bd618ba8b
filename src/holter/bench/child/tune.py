"""Compare the settings of one training, within the time and what the machine allows."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from holter.bench.child.beginning import Beginning
from holter.bench.child.candidates import Bench
from holter.bench.child.compiled import compare_compiled, is_compiled
from holter.bench.child.events import shortened
from holter.bench.child.opening import Trouble, bytes_of, device_name, opened
from holter.bench.child.training import Training
from holter.bench.tuning.race import CandidateFailed, Race
from holter.bench.tuning.records import Block, Bounds, Candidate, Failed, Interval, Progress, Tuned, TuneOrder
from holter.bench.tuning.search import Found, search, trials_of
from holter.bench.tuning.space import MOST, PER_CPU, USUAL_BATCHES, everything, most_workers, with_readers
from holter.errors import HolterError
from holter.loader import sampling_like
from holter.trainer.auto.choose import stock_workers
from holter.trainer.make_feeds import VAL
from holter.trainer.memory_fit import Fit, Purposes, needed_bytes

SHM = Path("/dev/shm")
COMPUTE, COMPILE = 0.08, 0.08  # of the time

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
    def __init__(self, order: TuneOrder, training: Training, device: str, tell: Tell) -> None:
        self._order, self._training, self._device, self._tell = order, training, device, tell
        self._begin = Beginning(training, tell)

    def run(self) -> Tuned:
        order, begin, tell = self._order, self._begin, self._tell
        was_compiled = is_compiled(self._training.trainer)
        batch = begin.first_batch()
        compute = begin.compute(batch, order.seconds * COMPUTE)
        compiled = self._compare_compiled(batch)
        holter = begin.prove() is not None
        bounds, present = self._bounds(batch, begin.free_bytes), self._present(holter=holter)
        began_s = time.monotonic()
        bench = Bench(self._training, begin.settings, int(self._training.stock.train.batch_size))
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
            failed=tuple(Failed(candidate=each, reason=shortened(why)) for each, why in found.race.failed.items()),
            is_settled=found.is_settled,
            network_per_s=compute.train.per_s,
            block=_mean(list(found.race.blocks[found.chosen].values())),
            compiled=compiled,
            is_compiled=was_compiled,
            data_bytes=begin.data_bytes,
            measured_s=time.monotonic() - began_s,
            left_out=tuple(begin.left_out),
        )

    def _seconds(self) -> float:
        used = COMPUTE + (COMPILE if self._device == "cuda" else 0.0)
        return self._order.seconds * (1 - used)

    def _compare_compiled(self, batch: dict[str, Any]) -> Interval | None:
        if self._device != "cuda":
            self._begin.leave_out("compile-cpu")
            return None
        self._tell("compile")
        try:
            return compare_compiled(self._training.trainer, batch, self._order.seconds * COMPILE)
        except Exception as error:  # noqa: BLE001 - a compiler that is missing or fails is no reason to measure nothing
            self._begin.leave_out("compile", f"{type(error).__name__}: {error}")
            return None

    def _present(self, *, holter: bool) -> Candidate:
        if self._order.present_loader == "holter" and holter:
            usual = self._begin.settings.readers(gpu_transforms=False, gpu_training=self._device == "cuda")
            threads = self._begin.settings.threads or self._order.present_readers or usual
            return with_readers("holter", threads, self._begin.settings.batches)
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
        wanted = Purposes((self._begin.settings.batches or USUAL_BATCHES, VAL.depth), threads)
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
