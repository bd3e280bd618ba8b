"""The cost of transforms on the GPU, by its own clock and memory counter; no training runs beside it."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.gpu.data import Case, Size
from benchmarks.loader_scene import Geometry, chain_of, geometry_of
from holter.loader.stage.chain import Chain

MIB = 1 << 20


class Cost(NamedTuple):
    """Mean cost per batch."""

    ms: float | None  # None: not measured
    mib: float | None  # None: this device has no counter
    host_ms: float | None = None  # CPU time of the thread that starts the work: in a training it holds Python's lock


class Given(NamedTuple):
    """A batch as the loader delivers it."""

    images: list[Any]
    segs: list[Any]
    draws: list[Any]


def measure(case: Case, size: Size, device: str, batches: int) -> Cost:
    """Measure, including the copies to the device, which training hides too."""
    geometry = geometry_of(size.patch)
    chain = chain_of(geometry, case.labels)
    assert chain is not None
    given = _boxes(chain, geometry, case, size.batch, device)
    wanted = [next(given) for _ in range(min(batches, 32))]
    for batch in wanted:  # every kernel is compiled or loaded once before the clock runs
        _apply(chain, batch, device)
    times, host_s = [], 0.0
    with _memory(device) as used:
        for number in range(batches):
            work = functools.partial(_apply, chain, wanted[number % len(wanted)], device)
            began_s = time.thread_time()
            work()
            host_s += time.thread_time() - began_s
            times.append(_timed(work, device))
    return Cost(statistics.mean(times), used(), 1000 * host_s / batches)


def _apply(chain: Chain, given: Given, device: str) -> Any:
    images = [image.to(device, non_blocking=True) for image in given.images]
    segs = [seg.to(device, non_blocking=True) for seg in given.segs]
    return chain.apply(images, segs, given.draws, device=device)


def _boxes(chain: Chain, geometry: Geometry, case: Case, batch: int, device: str) -> Iterator[Given]:
    rng = np.random.default_rng(1)
    size = (case.channels, *geometry.initial)
    image, seg = torch.randn(size), torch.randint(-1, case.labels, (1, *geometry.initial), dtype=torch.int8)
    while True:
        draws = [chain.draw(rng, case.channels) for _ in range(batch)]
        parts = [
            (slice(None), *(slice(*ends) for ends in zip(box.lower, box.upper, strict=True)))
            for box in map(chain.needed_box, draws)
        ]
        tensors = [[whole[part].contiguous() for part in parts] for whole in (image, seg)]
        if device == "cuda":
            tensors = [[tensor.pin_memory() for tensor in each] for each in tensors]
        yield Given(tensors[0], tensors[1], draws)


def _timed(work: Any, device: str) -> float:
    # Milliseconds: between two events on the GPU, or by the clock.
    if device != "cuda":
        began_s = time.perf_counter()
        work()
        return (time.perf_counter() - began_s) * 1000
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    work()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


@contextmanager
def _memory(device: str) -> Iterator[Any]:
    # Maximum of allocated MiB, minus what was allocated before.
    if device != "cuda":
        yield lambda: None
        return
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    yield lambda: (torch.cuda.max_memory_allocated() - before) / MIB
