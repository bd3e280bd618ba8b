"""The ceiling of augmentation on one core: stock's transforms and Holter's, on cases that are in memory."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from holter.bench.child.timing import rate_of
from holter.bench.records import Rate
from holter.loader import ram_budget_bytes
from holter.sizes import GIB
from holter.trainer.make_feeds import Trainer as Facts
from holter.trainer.make_feeds import training_feed
from holter.trainer.settings import Settings
from holter.trainer.stock_loaders import StockLoaders

MOST_BYTES = 2 * GIB
RAM_SHARE = 0.25  # of the free memory
MOST_CASES = 6
WARM_SHARE = 0.25
LEAST = 3


class InMemory:
    """A few cases in memory, with the interface of nnU-Net's data set."""

    def __init__(self, dataset: Any, identifiers: list[str]) -> None:
        self.identifiers = identifiers
        self._cases = {each: _arrays(dataset, each) for each in identifiers}

    def load_case(self, identifier: str) -> Any:
        """Return the arrays and properties of a case, as nnU-Net's data set does."""
        return self._cases[identifier]


def few(dataset: Any) -> list[str]:
    """Return the names of some cases that together fit into memory; at least one."""
    budget = min(MOST_BYTES, ram_budget_bytes(RAM_SHARE))
    chosen: list[str] = []
    for identifier in dataset.identifiers[:MOST_CASES]:
        data, seg, *_ = dataset.load_case(identifier)
        budget -= sum(int(np.prod(each.shape)) * each.dtype.itemsize for each in (data, seg))
        if chosen and budget < 0:
            break
        chosen.append(identifier)
    return chosen


def stock_per_core(loader: Any, for_s: float) -> Rate:
    """Return how many samples per CPU second nnU-Net's own loader makes in one thread, from cases in memory."""
    alone, identifiers = copy.copy(loader), few(loader._data)
    alone._data, alone.indices = InMemory(loader._data, identifiers), identifiers
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = _cpu_times(alone.generate_train_batch, for_s)
    finally:
        torch.set_num_threads(threads)
    return rate_of(times, loader.batch_size)


def holter_per_core(stock: StockLoaders, facts: Facts, for_s: float) -> Rate:
    """Return how many samples per CPU second Holter's loader makes in one thread, from cases in memory."""
    loader = copy.copy(stock.train)
    dataset = copy.copy(loader._data)
    dataset.identifiers = few(dataset)
    loader._data, loader.indices = dataset, dataset.identifiers
    _, make_feed = training_feed(stock._replace(train=loader), facts)
    feed = make_feed(Settings(threads=1, ram_bytes=2 * MOST_BYTES))
    try:
        running = feed.start()
        times = _cpu_times(lambda: next(running), for_s)
    finally:
        feed.close()
    return rate_of(times, loader.batch_size)


def _arrays(dataset: Any, identifier: str) -> Any:
    data, seg, previous, properties = dataset.load_case(identifier)
    return np.array(data[:]), np.array(seg[:]), None if previous is None else np.array(previous[:]), properties


def _cpu_times(make: Callable[[], Any], for_s: float) -> list[float]:
    # CPU seconds of this whole process for each batch, after warming up.
    until_s = time.perf_counter() + for_s * WARM_SHARE
    make()
    while time.perf_counter() < until_s:
        make()
    times: list[float] = []
    until_s = time.perf_counter() + for_s * (1 - WARM_SHARE)
    before_s = time.process_time()
    while len(times) < LEAST or time.perf_counter() < until_s:
        make()
        now_s = time.process_time()
        times.append(max(now_s - before_s, 1e-6))
        before_s = now_s
    return times
