"""A block of real steps with one candidate: its loader is started afresh, and ended with all of its processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

from holter.bench.child.reading import augmenter_of
from holter.bench.child.together import steps
from holter.bench.child.training import Training
from holter.bench.tuning.records import Block, Candidate
from holter.trainer.auto.decide import end
from holter.trainer.feed import Feed
from holter.trainer.make_feeds import training_feed
from holter.trainer.settings import Settings

BLOCK_S = 1.5
LEAST_STEPS = 3
# The first batches are made all at once, one by each reader; after them, they come as they are made.
WARM_STEPS = 2


class Bench:
    """Measures candidates with one trainer, whose network goes on learning."""

    def __init__(self, training: Training, settings: Settings, samples: int) -> None:
        self._training, self._settings, self._samples = training, settings, samples
        self._make: Callable[[Settings], Feed] | None = None
        training.trainer.on_train_epoch_start()

    def measure(self, candidate: Candidate) -> Block:
        """Return one block. Raises what the loader raises."""
        trainer, loader = self._training.trainer, self._started(candidate)
        at_once = max(1, candidate.readers) if candidate.loader == "stock" else 1
        warm = WARM_STEPS + (candidate.readers if candidate.loader == "stock" else 0)
        outputs: list[Any] = []

        def enough(walls: list[float], _: list[float]) -> bool:
            return len(walls) % at_once == 0 and len(walls) >= LEAST_STEPS and sum(walls) >= BLOCK_S

        trainer.dataloader_train = loader
        try:
            steps(trainer, outputs, until=lambda walls, _: len(walls) >= warm)
            outputs.clear()  # losses on a GPU
            before_s = cpu_s()
            walls, waits = steps(trainer, outputs, until=enough)
            used_s = cpu_s() - before_s
        finally:
            trainer.dataloader_train = None
            loader.close() if isinstance(loader, Feed) else end(loader)
        wall_s = sum(walls)
        return Block(
            per_s=len(walls) * self._samples / wall_s,
            wait_ratio=sum(waits) / wall_s,
            busy_cores=max(0.0, used_s) / wall_s,
        )

    def _started(self, candidate: Candidate) -> Any:
        stock = self._training.stock
        if candidate.loader == "stock":
            return augmenter_of(stock.train, candidate.readers)
        if self._make is None:
            _, self._make = training_feed(stock, self._training.facts)
        feed = self._make(dataclasses.replace(self._settings, threads=candidate.readers, batches=candidate.batches))
        feed.start()
        return feed


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its living children."""
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total
