"""A trainer of the user's own: once in the life of a file it makes a call that takes long.

In a step of epoch 1, at the end of epoch 1, or in the very first step, as a compilation does (``STANDS_AT``).
"""

import os
import sys
import threading
import time
from pathlib import Path

import torch
from nnUNetTrainerTiny import nnUNetTrainerTiny

sys.path.append(str(Path(__file__).parents[1]))
import uploads


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


def upload():
    """Wait for a thread that sends to a slow server."""
    threading.Thread(target=uploads.slow_upload, daemon=True).start()
    threading.Event().wait(float(os.environ["STANDS_FOR_S"]))


def report():
    """Wait for a server that needs its time."""
    time.sleep(float(os.environ["STANDS_FOR_S"]))


CALLS = {"lock": take_lock, "report": report, "compute": compute, "upload": upload, "silent": uploads.silent_server}


class nnUNetTrainerStands(nnUNetTrainerTiny):  # noqa: N801 -- nnU-Net's own style
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):  # noqa: B008
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 3

        self.at = os.environ.get("STANDS_AT", "step")

    def initialize(self):
        super().initialize()
        if self.at == "first-step":  # what torch.compile would make of it, by its name
            self.network.__class__ = type("OptimizedModule", (type(self.network),), {})

    def train_step(self, batch):
        if self.at == "first-step" or (self.at == "step" and self.current_epoch == 1):
            self._stand()
        return super().train_step(batch)

    def on_epoch_end(self):
        if self.at == "epoch-end" and self.current_epoch == 1:
            self._stand()
        super().on_epoch_end()

    def _stand(self):
        if self._is_first():
            CALLS[os.environ["STANDS_IN"]]()

    def _is_first(self):
        try:
            Path(os.environ["STANDS_ONCE"]).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def perform_actual_validation(self, save_probabilities=False):
        pass
