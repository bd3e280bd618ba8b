"""Trainers with a step of their own between the stock ones, which blocks, is slow, or never ends."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import urllib.request
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faults.trainers.armed import is_armed

BUSY_S, SLOW_SAVE_S = 20.0, 12.0


class nnUNetTrainerUploads(nnUNetTrainer):  # type: ignore[misc]
    """Reports every tenth step to a tracking server and waits for its answer, without a timeout."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        self._steps = getattr(self, "_steps", 0) + 1
        if self._steps % 10 == 0:
            self.upload_metrics()
        return super().train_step(batch)

    def upload_metrics(self) -> None:
        """Send a request and wait."""
        with urllib.request.urlopen(os.environ["FAULTLAB_TRACKING_SERVER"]) as answer:
            answer.read()


class nnUNetTrainerPlots(nnUNetTrainer):  # type: ignore[misc]
    """Draws its network with the program ``dot``, before the first epoch."""

    def plot_network_architecture(self) -> None:
        """Call graphviz and wait for it."""
        subprocess.run(["dot", "-Tpdf", "-o", os.path.join(self.output_folder, "network.pdf")], check=True)  # noqa: PTH118


class nnUNetTrainerStays(nnUNetTrainer):  # type: ignore[misc]
    """A thread that never ends keeps the process alive when all is done."""

    def on_train_start(self) -> None:
        """Start the thread."""
        threading.Thread(target=threading.Event().wait, name="augmenter").start()
        super().on_train_start()


class nnUNetTrainerGpuFails(nnUNetTrainer):  # type: ignore[misc]
    """Raises what PyTorch raises when the GPU is gone; there is none here, so only the message is simulated."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        if is_armed():
            raise RuntimeError(os.environ["FAULTLAB_CUDA_ERROR"])
        return super().train_step(batch)


class nnUNetTrainerBusyPause(nnUNetTrainer):  # type: ignore[misc]
    """One step in which the main thread computes for long, as torch.compile does inside the first one."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        self._steps = getattr(self, "_steps", 0) + 1
        if self._steps == 15:
            until_s = time.monotonic() + BUSY_S
            while time.monotonic() < until_s:
                sum(range(10000))
        return super().train_step(batch)


class nnUNetTrainerSlowSave(nnUNetTrainer):  # type: ignore[misc]
    """A checkpoint is written to a slow disk."""

    def save_checkpoint(self, filename: str) -> None:
        """Save slowly."""
        time.sleep(SLOW_SAVE_S)
        super().save_checkpoint(filename)
