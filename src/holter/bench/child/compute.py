"""The ceiling of the network: the trainer's own step, again and again with the same batch."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import torch

from holter.bench.child.timing import rate_of, repeat
from holter.bench.records import Rate

BLOCK_S = 0.25  # with a GPU, this much is launched between two looks at the clock
WARM_SHARE = 0.25
LEAST = 3  # for an interval


class Compute(NamedTuple):
    """Samples per second of training and validation steps, and CPU seconds of a sample in training."""

    train: Rate
    val: Rate
    cpu_s: float


def measure_compute(trainer: Any, batch: dict[str, Any], for_s: float) -> Compute:
    """Return the speeds of training and validation steps with this batch, measured for about ``for_s`` seconds.

    Steps to warm up come first and are not counted, because the first step compiles the network.
    """
    device, samples = trainer.device, len(batch["data"])
    batch = {**batch, "data": batch["data"].to(device), "target": to_device(batch["target"], device)}
    trainer.dataloader_train = ()  # not None: nnU-Net's own step
    try:
        trainer.on_train_epoch_start()
        train, cpu_s = _timed(lambda: trainer.train_step(batch), device, for_s * 0.75)
        with torch.no_grad():
            trainer.on_validation_epoch_start()
            val, _ = _timed(lambda: trainer.validation_step(batch), device, for_s * 0.25)
    finally:
        trainer.dataloader_train = None
    return Compute(rate_of(train, samples), rate_of(val, samples), cpu_s / samples)


def to_device(target: Any, device: Any) -> Any:
    """Return a target on the device: a tensor, or with deep supervision a list of them."""
    return [level.to(device) for level in target] if isinstance(target, list) else target.to(device)


def wait_for(device: Any) -> None:
    """Wait until the GPU has finished all its work; return at once for a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _timed(step: Any, device: Any, for_s: float) -> tuple[list[float], float]:
    # Seconds of each step, and CPU seconds of one.

    def awaited_step() -> None:
        step()
        wait_for(device)

    awaited_step()
    warm = repeat(awaited_step, for_s=for_s * WARM_SHARE, least=1)
    steps = 1 if device.type == "cpu" else max(1, round(BLOCK_S / min(warm)))

    def some() -> None:
        for _ in range(steps):
            step()
        wait_for(device)

    cpu_s = time.process_time()
    times = repeat(some, for_s=for_s * (1 - WARM_SHARE), least=LEAST)
    cpu_s = time.process_time() - cpu_s
    return [each / steps for each in times], cpu_s / (len(times) * steps)
