"""``--loader auto``: choose between nnU-Net's loader and Holter's in at most 15 seconds.

First the transforms of both are compared on a real patch; then both loaders are timed. Holter's is chosen only if it
gives the same results and is clearly faster; in case of any doubt or error, nnU-Net's.
"""

from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
import torch

from holter.loader import Loader
from holter.probes.training.remarks import said_by
from holter.trainer.auto.choice import Choice
from holter.trainer.auto.proof import why_different
from holter.trainer.auto.race import Speed, at_least, measure
from holter.trainer.feed import Feed
from holter.trainer.settings import Settings
from holter.transforms.fallback import generators_kept

# Of the whole, in seconds. Proof and Holter's loader take what they need; the rest is for the slower one.
BUDGET_S = 15.0
HOLTER_S = 2.0
LEAST_STOCK_S = 5.0
# Holter's loader is taken from here on.
WORTH = 1.2
# More threads are taken only for this gain: fewer leave more of the machine to the training.
WORTH_OF_THREADS = 1.05
SEED = 20_240_211


class Material(NamedTuple):
    """What the decision needs from the trainer: how to build each of the two loaders, and how to read the data."""

    stock_loader: Any  # nnUNetDataLoader of the training cases
    chain: Any  # ours
    labels: Sequence[int]
    make_feed: Callable[[Settings], Feed]  # for training
    make_stock: Callable[[], tuple[Any, Any]]  # nnU-Net's own augmenters, running
    settings: Settings
    workers: int  # of nnU-Net's loader
    on_gpu: bool  # the network


class Decision(NamedTuple):
    """The chosen loader; and nnU-Net's augmenters (training, validation) if they were chosen, which run already."""

    choice: Choice
    stock: tuple[Any, Any] | None = None


def decide(material: Material) -> Decision:
    """Return the loader to use.

    The global random generators are left as they were, and loaders that were started only to be timed are ended.
    """
    began_s = time.monotonic()
    with generators_kept():
        decision = _decided(material, began_s)
    took_s = round(time.monotonic() - began_s, 1)
    return decision._replace(choice=dataclasses.replace(decision.choice, took_s=took_s))


def _decided(material: Material, began_s: float) -> Decision:
    compose = material.stock_loader.transforms
    try:
        image, seg = sample_of(material.stock_loader)
        different = why_different(compose, material.chain, image, seg, material.labels, np.random.default_rng(SEED))
        if different is not None:
            return Decision(Choice(loader="stock", reason="different", detail=different))
        threads, ours = _fastest(material)
    except Exception as error:  # noqa: BLE001 - whatever it is, nnU-Net's own loader works, or names the error itself
        return Decision(Choice(loader="stock", reason="failed", detail=said_by(error)))
    left_s = max(LEAST_STOCK_S, began_s + BUDGET_S - time.monotonic())
    stock = material.make_stock()
    theirs = speed_of_stock(stock, material.workers, left_s)
    choice = chosen(ours, theirs, threads, len(material.chain.steps))
    if choice.loader == "stock":
        return Decision(choice, stock)
    for augmenter in stock:
        end(augmenter)
    return Decision(choice)


def speed_of_stock(stock: Sequence[Any], workers: int, for_s: float) -> Speed:
    """Return the speed of nnU-Net's training augmenter (the first one).

    If it fails, all augmenters are ended with their workers.

    Raises:  what the augmenter raises.
    """
    try:
        return measure(_unwatched(stock[0]), ahead=_ahead(stock[0]), block=max(1, workers), for_s=for_s)
    except BaseException:
        for augmenter in stock:
            end(augmenter)
        raise


def chosen(ours: Speed, theirs: Speed, threads: int, transforms: int) -> Choice:
    """Return the choice that follows from the measured speeds.

    ``ours``, ``threads``, ``transforms``: of Holter's loader, and how many of its transforms were proved equal.
    ``theirs``: of nnU-Net's loader.
    """
    bound = at_least(ours, theirs)
    if bound >= WORTH:
        reason = "faster"
    elif theirs.low > 0 and ours.low > 0 and ours.high < WORTH * theirs.high:
        reason = "not-faster"
    else:
        reason = "undecided"
    return Choice(
        loader="holter" if reason == "faster" else "stock",
        reason=reason,
        threads=threads,
        stock=round(theirs.batches_per_s, 3),
        holter=round(ours.batches_per_s, 3),
        at_least=round(bound, 2),
        transforms=transforms,
    )


def end(augmenter: Any) -> None:
    """End nnU-Net's augmenter and its workers, without a traceback of the thread that collects their batches.

    It may be between its look at the abort event and its look at the workers, which end now, or receive from one:
    https://github.com/MIC-DKFZ/batchgenerators/blob/master/batchgenerators/dataloading/nondet_multi_threaded_augmenter.py
    """
    finish = getattr(augmenter, "_finish", None)
    if callable(finish):
        with _without_errors_of(getattr(augmenter, "results_loop_thread", None)), suppress(Exception):
            finish()  # a worker may be gone already
    gc.collect()  # batches in shared memory that its threads and queues refer to in a circle


@contextmanager
def _without_errors_of(thread: threading.Thread | None) -> Iterator[None]:
    before = threading.excepthook
    threading.excepthook = lambda raised: None if raised.thread is thread else before(raised)
    try:
        yield
    finally:
        threading.excepthook = before


def sample_of(stock_loader: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return image and segmentation of one initial patch: the last of a batch, which always has foreground."""
    bare = copy.copy(stock_loader)
    bare.transforms = None
    batch = bare.generate_train_batch()
    return batch["data"][-1].float(), batch["target"][-1]


def _fastest(material: Material) -> tuple[int, Speed]:
    # The number of threads, and the speed with it. On a CPU the network needs the other half of the cores.
    usual = material.settings.readers(gpu_transforms=False, gpu_training=material.on_gpu)
    counts = sorted({usual, max(1, usual // 2)}) if material.on_gpu else [usual]
    best: tuple[int, Speed] | None = None
    for threads in counts:
        feed = material.make_feed(dataclasses.replace(material.settings, threads=threads))
        try:
            loader: Loader = feed.start()
            speed = measure(loader, ahead=threads, block=1, for_s=HOLTER_S)
        finally:
            feed.close()
        if best is None or speed.batches_per_s > WORTH_OF_THREADS * best[1].batches_per_s:
            best = threads, speed
    assert best is not None
    return best


def _unwatched(augmenter: Any) -> Iterator[Any]:
    # Without the hook's own watch around it: these batches are no steps of the training.
    take = inspect.unwrap(type(augmenter).__next__)
    while True:
        yield take(augmenter)


def _ahead(augmenter: Any) -> int:
    # What nnU-Net's workers have made while nobody waited.
    queues = (getattr(augmenter, name, None) for name in ("results_loop_queue", "_queue"))
    return sum(queue.qsize() for queue in queues if queue is not None)
