"""Compare steps with and without torch.compile, in turns, with one batch that stays on the device."""

from __future__ import annotations

import time
from typing import Any

import torch

from holter.bench.child.compute import to_device, wait_for
from holter.bench.tuning.race import NARROW, ratio_of
from holter.bench.tuning.records import Interval

LEAST_ROUNDS, MOST_ROUNDS = 3, 12
BLOCK_S = 1.0
ORIGINAL = "_orig_mod"  # torch's name, in a compiled module, of the one that was compiled


def is_compiled(trainer: Any) -> bool:
    """Whether the trainer's network is compiled."""
    return hasattr(trainer.network, ORIGINAL)


def compare_compiled(trainer: Any, batch: dict[str, Any], for_s: float) -> Interval | None:
    """Return how many times as fast a step is with torch.compile as without; the time to compile is not counted.

    None if no round of both was measured. ``for_s``: about how long to measure.
    """
    device, own = trainer.device, trainer.network
    batch = {**batch, "data": batch["data"].to(device), "target": to_device(batch["target"], device)}
    plain = getattr(own, ORIGINAL, own)
    networks = {"compiled": own if plain is not own else torch.compile(own), "plain": plain}
    speeds: dict[str, dict[int, float]] = {name: {} for name in networks}
    trainer.dataloader_train = ()  # nnU-Net's own step
    try:
        for network in networks.values():
            trainer.network = network
            _block(trainer, batch, 0.0)
        until_s = time.perf_counter() + for_s
        for number in range(MOST_ROUNDS):
            for name, network in networks.items():
                trainer.network = network
                speeds[name][number] = _block(trainer, batch, BLOCK_S)
            ratio = ratio_of(speeds["compiled"], speeds["plain"])
            is_narrow = ratio is not None and ratio.half is not None and ratio.half < NARROW
            if number + 1 >= LEAST_ROUNDS and (is_narrow or time.perf_counter() >= until_s):
                break
    finally:
        trainer.network, trainer.dataloader_train = own, None
    return ratio_of(speeds["compiled"], speeds["plain"])


def _block(trainer: Any, batch: dict[str, Any], for_s: float) -> float:
    # Steps per second; at least two.
    wait_for(trainer.device)
    began_s, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - began_s < for_s:
        trainer.train_step(batch)
        wait_for(trainer.device)
        count += 1
    return count / (time.perf_counter() - began_s)
