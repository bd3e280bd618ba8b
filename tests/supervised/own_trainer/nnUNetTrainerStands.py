"""A trainer of the user's own: in epoch 1, once in the life of a file, its step makes a call that takes long."""

import os
import threading
import time
from pathlib import Path

import torch
from nnUNetTrainerTiny import nnUNetTrainerTiny


def take_lock():
    """A lock that its holder never gives back."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def compute():
    """A loop in Python, until somebody has seen enough of it, or for as long as it is told."""
    until, number = time.monotonic() + float(os.environ["STANDS_FOR_S"]), 0
    while time.monotonic() < until and not Path(os.environ["STANDS_ENOUGH"]).exists():
        number = number * 3 % 1000003 + 1


CALLS = {"lock": take_lock, "compute": compute}


class nnUNetTrainerStands(nnUNetTrainerTiny):  # noqa: N801 -- nnU-Net's own style
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):  # noqa: B008
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 3

    def train_step(self, batch):
        if self.current_epoch == 1 and self._is_first():
            CALLS[os.environ["STANDS_IN"]]()
        return super().train_step(batch)

    def _is_first(self):
        try:
            Path(os.environ["STANDS_ONCE"]).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def perform_actual_validation(self, save_probabilities=False):
        pass
