"""How every measurement of a training begins: its files in memory, the network alone, Holter's transforms proved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from holter.bench.child import page_cache
from holter.bench.child.compiled import is_compiled
from holter.bench.child.compute import Compute, measure_compute
from holter.bench.child.events import shortened
from holter.bench.child.opening import prove
from holter.bench.child.reading import files_of
from holter.bench.child.training import Training
from holter.bench.records import FITS, LeftOut
from holter.linux.cgroups import available_bytes
from holter.records import Text
from holter.trainer.settings import Settings, read_settings


class Beginning:
    """The first measurements, and what had to be left out of all of them."""

    def __init__(self, training: Training, tell: Callable[[str], None]) -> None:
        self._training, self._tell = training, tell
        self.settings: Settings = dataclasses.replace(
            read_settings(), wants_stock=False, chooses=False, transforms_on_gpu=False
        )
        self.left_out: list[LeftOut] = []
        dataset = training.stock.train._data
        self.files = [file for case in dataset.identifiers for file in files_of(dataset, case)]
        self.data_bytes = sum(file.stat().st_size for file in self.files)
        self.free_bytes = available_bytes()

    def leave_out(self, code: str, detail: Text = "") -> None:
        """Remember what is not measured, and why."""
        self.left_out.append(LeftOut(code=code, detail=shortened(detail)))

    def fetch(self) -> None:
        """Read the files into memory if they fit beside the training."""
        if self.free_bytes is not None and self.data_bytes < FITS * self.free_bytes:
            page_cache.fetch(self.files)

    def first_batch(self) -> dict[str, Any]:
        """Return a batch of nnU-Net's own loader, with the files in memory if they fit."""
        self.fetch()
        batch: dict[str, Any] = self._training.stock.train.generate_train_batch()
        return batch

    def compute(self, batch: dict[str, Any], for_s: float) -> Compute:
        """Measure the network alone."""
        trainer = self._training.trainer
        self._tell("compile" if is_compiled(trainer) else "compute")
        return measure_compute(trainer, batch, for_s)

    def prove(self) -> int | None:
        """Return how many of Holter's transforms equal nnU-Net's; None if its loader cannot be used."""
        self._tell("proof")
        return prove(self._training, self.leave_out)
