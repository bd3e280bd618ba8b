"""Measure loader and network together, in a short epoch with the trainer's own methods, and the hand-over alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from holter.bench.child.compute import to_device, wait_for
from holter.bench.child.reading import augmenter_of
from holter.bench.child.timing import rate_of
from holter.bench.records import Rate
from holter.trainer.auto.decide import end
from holter.trainer.feed import Feed
from holter.trainer.make_feeds import TRAIN

LEAST_STEPS = 3
# A step that waits this much of its time shows that nothing is ready any more.
DRAINED_WAIT = 0.2
DRAIN_SHARE = 0.35  # of the time, at most
VAL_SHARE = 0.25
REFILL_S = 2.0
AGAIN_FASTER = 1e-5  # seconds: less than this is the clock's own step


class Together(NamedTuple):
    """Speed of loader and network together in samples per second, the share of waiting, and the rest of an epoch."""

    rate: Rate
    wait_ratio: float
    ready: float  # batches, when an epoch begins
    val_epoch_s: float
    epoch_end_s: float


def measure_together(trainer: Any, loaders: tuple[Any, Any], samples: int, workers: int, for_s: float) -> Together:
    """Run part of an epoch with the trainer's own methods, in about ``for_s`` seconds; return its speed.

    ``loaders``: for training and validation, running; they are not ended. ``samples``: samples in a batch.
    ``workers``: so many batches may come together, one from each worker.
    """
    trainer.dataloader_train, trainer.dataloader_val = loaders
    try:
        trainer.on_epoch_start()
        trainer.on_train_epoch_start()
        outputs, walls, waits, made = _train(trainer, for_s * (1 - VAL_SHARE))
        trainer.on_train_epoch_end(outputs)
        val_outputs, val_epoch_s = _validate(trainer, for_s * VAL_SHARE)
        began_s = time.perf_counter()
        trainer.on_validation_epoch_end(val_outputs)
        trainer.on_epoch_end()
        epoch_end_s = time.perf_counter() - began_s
        ready = _ready(loaders[0])
    finally:
        trainer.dataloader_train = trainer.dataloader_val = None
    whole = rate_of(walls, samples, block=max(1, workers))
    if made < len(walls):  # some batches were ready before: a long epoch has what is made meanwhile
        share = max(made, 1) / len(walls)
        whole = Rate(per_s=whole.per_s * share)
    return Together(whole, sum(waits) / sum(walls), ready, val_epoch_s, epoch_end_s)


def measure_hand_over(loader: Any, device: Any, samples: int, for_s: float) -> Rate | None:
    """Return how many samples per second reach the device if Holter's ``loader`` has their batches ready.

    ``samples``: samples in a batch. None if the hand-over is too short to be measured.
    """
    times: list[float] = []
    until_s = time.perf_counter() + for_s
    while time.perf_counter() < until_s and len(times) < 8:
        time.sleep(min(REFILL_S, for_s / 4))  # the readers make the next ones
        began_s = time.perf_counter()
        batch = next(loader)
        batch["data"].to(device, non_blocking=True)
        to_device(batch["target"], device)
        wait_for(device)
        times.append(time.perf_counter() - began_s)
    times = [each for each in times if each > AGAIN_FASTER]
    return rate_of(times, samples) if times else None


def measure_stock_hand_over(batch: dict[str, Any], workers: int, device: Any, for_s: float) -> Rate | None:
    """Return how many samples per second nnU-Net's workers hand over if batches cost nothing to make.

    None without workers. ``batch``: is handed over again and again, in new memory each time.
    """
    if workers == 0:
        return None
    times: list[float] = []
    augmenter = augmenter_of(_Ready(batch), workers)
    try:
        for _ in range(2 * max(6, workers // 2) + workers):
            next(augmenter)
        until_s = time.perf_counter() + for_s
        before_s = time.perf_counter()
        while len(times) < LEAST_STEPS or before_s < until_s:
            got = next(augmenter)
            got["data"].to(device, non_blocking=True)
            to_device(got["target"], device)
            wait_for(device)
            now_s = time.perf_counter()
            times.append(now_s - before_s)
            before_s = now_s
    finally:
        end(augmenter)
    return rate_of(times, len(batch["data"]), block=workers)


class _Ready:
    """In the place of a data loader: the same batch in fresh memory, as real ones are."""

    def __init__(self, batch: dict[str, Any]) -> None:
        self._batch = batch

    def set_thread_id(self, number: int) -> None:
        """As nnU-Net's loader."""

    def __next__(self) -> dict[str, Any]:
        target = self._batch["target"]
        fresh = [level.clone() for level in target] if isinstance(target, list) else target.clone()
        return {"data": self._batch["data"].clone(), "target": fresh, "keys": self._batch["keys"]}


def _train(trainer: Any, for_s: float) -> tuple[list[Any], list[float], list[float], float]:
    # Outputs, and of the steps after draining: their seconds, the seconds of these that they waited, batches made.
    outputs: list[Any] = []
    limit = int(trainer.num_iterations_per_epoch)
    steps(trainer, outputs, until=_drained(trainer, for_s, limit))
    before = _ready(trainer.dataloader_train)
    until_s = time.perf_counter() + for_s - for_s * DRAIN_SHARE

    def enough(walls: list[float], _: list[float]) -> bool:
        return len(walls) >= limit or (len(walls) >= LEAST_STEPS and time.perf_counter() >= until_s)

    walls, waits = steps(trainer, outputs, until=enough)
    drop = max(0.0, before - _ready(trainer.dataloader_train))
    return outputs, walls, waits, len(walls) - (drop if drop >= 2 else 0.0)


def _drained(trainer: Any, for_s: float, limit: int) -> Callable[[list[float], list[float]], bool]:
    until_s = time.perf_counter() + for_s * DRAIN_SHARE
    loader = trainer.dataloader_train
    most = min(limit, TRAIN.depth if isinstance(loader, Feed) else 3 * getattr(loader, "num_cached", 1))

    def drained(walls: list[float], waits: list[float]) -> bool:
        if not walls:
            return False
        is_waiting = len(walls) > 1 and waits[-1] > DRAINED_WAIT * walls[-1]
        return is_waiting or len(walls) >= most or time.perf_counter() >= until_s

    return drained


def steps(
    trainer: Any, outputs: list[Any], *, until: Callable[[list[float], list[float]], bool]
) -> tuple[list[float], list[float]]:
    """Train until ``until`` returns True; return the seconds of each step, and of each step's wait for its batch.

    ``until`` is called with these two lists after each step.
    """
    walls: list[float] = []
    waits: list[float] = []
    wait_for(trainer.device)
    before_s = time.perf_counter()
    while not until(walls, waits):
        batch = next(trainer.dataloader_train)
        waits.append(time.perf_counter() - before_s)
        outputs.append(trainer.train_step(batch))
        now_s = time.perf_counter()
        walls.append(now_s - before_s)
        before_s = now_s
    wait_for(trainer.device)
    if walls:
        walls[-1] += time.perf_counter() - before_s  # launched, and not done yet
    return walls, waits


def _validate(trainer: Any, for_s: float) -> tuple[list[Any], float]:
    # Outputs, and the seconds of all validation steps of an epoch.
    steps = int(trainer.num_val_iterations_per_epoch)
    times: list[float] = []
    outputs: list[Any] = []
    with torch.no_grad():
        trainer.on_validation_epoch_start()
        began_s = before_s = time.perf_counter()
        while len(times) < steps and (len(times) < LEAST_STEPS or before_s - began_s < for_s):
            outputs.append(trainer.validation_step(next(trainer.dataloader_val)))
            now_s = time.perf_counter()
            times.append(now_s - before_s)
            before_s = now_s
    late = times[len(times) // 2 :] or [0.0]
    return outputs, sum(times) + (steps - len(times)) * sum(late) / len(late)


def _ready(loader: Any) -> float:
    # Batches that wait in nnU-Net's queues; Holter's loader fills its ring while the network validates.
    if isinstance(loader, Feed):
        return float(TRAIN.depth)
    queues = (getattr(loader, name, None) for name in ("results_loop_queue", "_queue"))
    return float(sum(queue.qsize() for queue in queues if queue is not None))
