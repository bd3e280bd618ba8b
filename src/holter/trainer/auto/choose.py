"""Carry out ``--loader auto`` in a trainer: use the kept choice or make one, and write it to the log."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from holter.errors import UntestedVersion
from holter.trainer.auto.choice import Choice, kept
from holter.trainer.auto.decide import SEED, Material, decide, sample_of
from holter.trainer.auto.proof import why_different
from holter.trainer.loader_log import LoaderLog
from holter.trainer.make_feeds import Trainer as Facts
from holter.trainer.make_feeds import training_feed
from holter.trainer.settings import Settings
from holter.trainer.stock_loaders import StockLoaders
from holter.transforms.fallback import generators_kept


def choose(
    trainer: Any, stock: StockLoaders, facts: Facts, settings: Settings, make_stock: Callable[[], Any]
) -> tuple[Settings, Any]:
    """Return the settings with the chosen loader; and nnU-Net's augmenters, if these were chosen and run already.

    The choice that was kept for this fold is used. Without one, both loaders are compared; with several GPUs nnU-Net's
    is chosen. ``make_stock``: starts nnU-Net's augmenters for training and validation.
    Raises:  UntestedVersion; BadInput.
    """
    folder, running = Path(trainer.output_folder), None
    choice = kept(folder)
    if choice is not None:
        facts.log.say("choice-kept", loader=choice.loader, file=str(folder))
    elif facts.ranks > 1:
        choice = Choice(loader="stock", reason="ranks")
        _tell(facts.log, choice)
    else:
        facts.log.say("choosing")
        chain, make_feed = training_feed(stock, facts)
        decision = decide(
            Material(
                stock_loader=stock.train,
                chain=chain,
                labels=_labels(trainer),
                make_feed=make_feed,
                make_stock=make_stock,
                settings=settings,
                workers=stock_workers(),
                on_gpu=facts.device.type == "cuda",
            )
        )
        choice, running = decision
        choice.keep(folder)
        _tell(facts.log, choice)
    if choice.loader == "stock":
        return dataclasses.replace(settings, wants_stock=True), running
    threads = settings.threads or choice.threads
    return dataclasses.replace(settings, threads=threads, transforms_on_gpu=False), None


def prove(trainer: Any, stock: StockLoaders, facts: Facts) -> None:
    """Raise UntestedVersion if a transform differs from the trainer's own on a sample of its data; else do nothing."""
    chain, _ = training_feed(stock, facts)
    with generators_kept():
        image, seg = sample_of(stock.train)
        different = why_different(
            stock.train.transforms, chain, image, seg, _labels(trainer), np.random.default_rng(SEED)
        )
    if different is not None:
        raise UntestedVersion(different)


def _labels(trainer: Any) -> tuple[int, ...]:
    labels = trainer.label_manager
    ignored = () if labels.ignore_label is None else (int(labels.ignore_label),)
    return (*(int(label) for label in labels.all_labels), *ignored)


def _tell(log: LoaderLog, choice: Choice) -> None:
    values = {
        "stock": choice.stock or 0.0,
        "holter": choice.holter or 0.0,
        "least": choice.at_least or 0.0,
        "times": (choice.holter or 0.0) / choice.stock if choice.stock else 0.0,
        "workers": stock_workers(),
        "threads": choice.threads or 0,
        "count": choice.transforms or 0,
        "took": choice.took_s or 0.0,
        "detail": choice.detail,
    }
    log.say(f"choice.{choice.reason}", **values)


def stock_workers() -> int:
    """Return the number of worker processes that nnU-Net's own loader starts for training."""
    from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA

    return int(get_allowed_n_proc_DA())
