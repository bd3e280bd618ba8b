"""The trainer to measure: built as ``nnUNetv2_train`` builds it, with everything that it writes in a scratch folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from holter.bench.records import Order
from holter.trainer.loader_log import LoaderLog
from holter.trainer.loading import HolterLoading
from holter.trainer.make_feeds import Trainer as Facts
from holter.trainer.shortened import make_trainer
from holter.trainer.stock_loaders import StockLoaders, set_up

SPLITS = "splits_final.json"
NEVER = 1 << 30  # epochs between checkpoints: these are measured alone


class Training(NamedTuple):
    """The trainer and its loaders, with nothing started."""

    trainer: Any
    stock: StockLoaders
    facts: Facts  # for Holter's loader
    epochs: int
    save_every: int

    def start_stock(self) -> tuple[Any, Any]:
        """Return nnU-Net's own augmenters for training and validation, running."""
        made: tuple[Any, Any] = _own_loaders(self.trainer)()
        return made


def chosen_device(asked: str) -> str:
    """Return "cuda" or "cpu"; for "auto", cuda if there is a GPU."""
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return asked


def set_threads(device: str) -> None:
    """Set torch's threads as ``nnUNetv2_train`` does."""
    torch.set_num_threads((os.cpu_count() or 1) if device == "cpu" else 1)


def build(order: Order, trainer_class: type[Any], device: str, scratch: Path) -> Training:
    """Return the initialised training; raises whatever its trainer raises. ``trainer_class``: with Holter's loader."""
    trainer = make_trainer(
        trainer_class, order.dataset, order.configuration, order.fold, plans=order.plans, device=device
    )
    _write_elsewhere(trainer, scratch, order.results)
    trainer.initialize()
    trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
    epochs, save_every = int(trainer.num_epochs), int(trainer.save_every)
    trainer.save_every = NEVER
    trainer._best_ema = float("inf")
    stock = set_up(_own_loaders(trainer))
    seed = int(np.random.default_rng().integers(np.iinfo(np.int64).max))
    facts = trainer._holter_facts(LoaderLog(trainer.print_to_log_file), seed)
    return Training(trainer, stock, facts, epochs, save_every)


def _own_loaders(trainer: Any) -> Any:
    # nnU-Net's or the user's own method, below Holter's.
    return super(HolterLoading, trainer).get_dataloaders


def _write_elsewhere(trainer: Any, scratch: Path, results: str) -> None:
    # nnU-Net writes its split beside the data if there is none; the previous stage is among the user's results.
    folder, base = Path(trainer.preprocessed_dataset_folder_base), scratch / "preprocessed"
    base.mkdir()
    if (folder / SPLITS).is_file():
        shutil.copyfile(folder / SPLITS, base / SPLITS)
    trainer.preprocessed_dataset_folder_base = str(base)
    previous = trainer.folder_with_segs_from_previous_stage
    if previous is not None:
        own = os.path.relpath(previous, os.environ["nnUNet_results"])  # noqa: SIM112 - nnU-Net's name
        trainer.folder_with_segs_from_previous_stage = str(Path(results) / own)
