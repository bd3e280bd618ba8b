"""Measure a block of real steps with one candidate, whose loader is started for it and ended afterwards."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import torch

from holter.bench.child.reading import augmenter_of
from holter.bench.child.together import steps
from holter.bench.child.training import Training
from holter.bench.tuning.race import CandidateFailed
from holter.bench.tuning.records import Block, Candidate
from holter.errors import HolterError
from holter.probes.training.remarks import said_by
from holter.trainer.auto.decide import end
from holter.trainer.feed import Feed
from holter.trainer.make_feeds import training_feed
from holter.trainer.settings import Settings

BLOCK_S = 1.5
LEAST_STEPS = 3
STUCK_S = 120.0  # without a batch: the first one of a slow disk takes less
# The first batches are made all at once, one by each reader; after them, they come as they are made.
WARM_STEPS = 2


class Bench:
    """Measures candidates with one and the same trainer, which really trains its network."""

    def __init__(self, training: Training, settings: Settings, samples: int) -> None:
        self._training, self._settings, self._samples = training, settings, samples
        self._make: Callable[[Settings], Feed] | None = None
        training.trainer.on_train_epoch_start()

    def measure(self, candidate: Candidate) -> Block:
        """Train some steps with this candidate; return their speed, the share of waiting, and the busy cores.

        Raises:  CandidateFailed if the loader fails, or gives no batch for a long time; OutOfMemoryError of the GPU.
        """
        try:
            return self._measured(candidate)
        except torch.cuda.OutOfMemoryError:
            raise
        except (OSError, RuntimeError, HolterError) as error:
            raise CandidateFailed(said_by(error)) from error

    def _measured(self, candidate: Candidate) -> Block:
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
            loader.close()
        wall_s = sum(walls)
        return Block(
            per_s=len(walls) * self._samples / wall_s,
            wait_ratio=sum(waits) / wall_s,
            busy_cores=max(0.0, used_s) / wall_s,
        )

    def _started(self, candidate: Candidate) -> Any:
        stock = self._training.stock
        if candidate.loader == "stock":
            return Watched(augmenter_of(stock.train, candidate.readers))
        if self._make is None:
            _, self._make = training_feed(stock, self._training.facts)
        feed = self._make(dataclasses.replace(self._settings, threads=candidate.readers, batches=candidate.batches))
        feed.start()
        return feed


class Watched:
    """Wraps nnU-Net's augmenter. If it gives no batch for a long time, kills its workers and raises RuntimeError."""

    def __init__(self, augmenter: Any, limit_s: float = STUCK_S) -> None:
        self._augmenter, self._limit_s = augmenter, limit_s
        self._waits_since: float | None = None
        self._is_over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def __next__(self) -> Any:
        self._waits_since = time.monotonic()
        try:
            return next(self._augmenter)
        finally:
            self._waits_since = None

    def close(self) -> None:
        """End the workers of the augmenter."""
        self._is_over.set()
        end(self._augmenter)

    def _watch(self) -> None:
        while not self._is_over.wait(min(1.0, self._limit_s / 4)):
            since = self._waits_since
            if since is not None and time.monotonic() - since > self._limit_s:
                for process in getattr(self._augmenter, "_processes", ()):
                    process.kill()
                return


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its living children."""
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total
