"""Trainers that end, or whose result is lost, without any error."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faults.trainers.armed import is_armed, is_first

LASTS, WHERE = "FAULTLAB_LASTS_S", "FAULTLAB_WHERE"


class nnUNetTrainerLeaves(nnUNetTrainer):  # type: ignore[misc]
    """The process ends with exit code 0 in the middle of an epoch: a forgotten ``sys.exit()``."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        if is_armed():
            sys.exit(0)
        return super().train_step(batch)


class Leaves:
    """Ends its process in the middle of a batch, as ``os._exit`` in a library does."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if is_armed():
            os._exit(0)
        return data


class nnUNetTrainerWorkerLeaves(nnUNetTrainer):  # type: ignore[misc]
    """Its data workers end with exit code 0."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, Leaves())
        return transforms


class nnUNetTrainerDiverges(nnUNetTrainer):  # type: ignore[misc]
    """A weight becomes infinite: from then on every loss is NaN."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        if is_armed():
            with torch.no_grad():
                next(self.network.parameters()).fill_(float("inf"))
        return super().train_step(batch)


class nnUNetTrainerBadStep(nnUNetTrainer):  # type: ignore[misc]
    """One step in its second epoch has an infinite loss and changes nothing, as a GradScaler skips it."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        result = super().train_step(batch)
        self._steps = getattr(self, "_steps", 0) + 1
        return {**result, "loss": np.float32("inf")} if self._steps == 30 else result


class nnUNetTrainerRareClass(nnUNetTrainer):  # type: ignore[misc]
    """No validation batch contains its class: the pseudo Dice is NaN in every epoch, and the loss is a number."""

    def validation_step(self, batch: dict[str, Any]) -> Any:
        """Run one validation step."""
        result = super().validation_step(batch)
        nothing = {name: np.zeros_like(result[name]) for name in ("tp_hard", "fp_hard", "fn_hard")}
        return {**result, **nothing}


class nnUNetTrainerSummary(nnUNetTrainer):  # type: ignore[misc]
    """Runs a long computation of its own at the end of each epoch."""

    def on_epoch_end(self) -> None:
        """Do as nnU-Net does, then compute."""
        super().on_epoch_end()
        until_s = time.monotonic() + float(os.environ[LASTS])
        while time.monotonic() < until_s:
            sum(range(10000))


class nnUNetTrainerReports(nnUNetTrainer):  # type: ignore[misc]
    """Waits for a server of its own at the end of each epoch."""

    def on_epoch_end(self) -> None:
        """Do as nnU-Net does, then wait."""
        super().on_epoch_end()
        time.sleep(float(os.environ[LASTS]))


class nnUNetTrainerLongFirstStep(nnUNetTrainer):  # type: ignore[misc]
    """Its first step compiles for a long time, in processes of its own, while the main thread waits for them."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        if not getattr(self, "_compiled", False):
            self._compiled = True
            self.compile()
        return super().train_step(batch)

    def compile(self) -> None:
        """Wait for a compiler that is working."""
        import subprocess

        program = "import sys, time; end = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"
        subprocess.run([sys.executable, "-c", program, os.environ[LASTS]], check=True)


class nnUNetTrainerLongStart(nnUNetTrainer):  # type: ignore[misc]
    """Before the first epoch it waits for a slow mount, without output."""

    def on_train_start(self) -> None:
        """Wait, then do as nnU-Net does."""
        time.sleep(float(os.environ[LASTS]))
        super().on_train_start()


class HugeCase:
    """One batch, of the first worker that gets there, takes long, like a huge volume on a slow disk."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if is_first(Path(os.environ[WHERE])):
            time.sleep(float(os.environ[LASTS]))
        return data


class nnUNetTrainerHugeCases(nnUNetTrainer):  # type: ignore[misc]
    """Some of its batches take long."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, HugeCase())
        return transforms
