"""A program that takes batches from the real augmenters as nnU-Net's trainer does. Run by the tests, not imported."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from pathlib import Path

import numpy as np
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter


class Toy(DataLoader):
    def __init__(self, dataset, size: int = 8, fault: Path | None = None) -> None:
        super().__init__([0], 2, 1, None, True, False, True)
        self.dataset = dataset
        self.size = size
        self.fault = fault

    def generate_train_batch(self):
        time.sleep(0.005)
        if self.dataset is not None:
            for name in self.dataset.identifiers:
                self.dataset.load_case(name)
        if self.fault is not None and self.fault.exists():
            fault = self.fault.read_text()
            if fault == "hang":
                time.sleep(1000)
            self.fault.unlink(missing_ok=True)  # once
            raise ValueError(fault)
        return {"data": np.zeros((2, 1, self.size, self.size), np.float32)}


def to_tensors(data):
    """Announced to the main process and handed over when it asks, as nnU-Net's batches are."""
    import torch

    return {"data": torch.from_numpy(data)}


def _dataset(folder: Path | None):
    if folder is None:
        return None
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetNumpy

    for name in ("case_001", "case_002"):
        zeros = np.zeros((1, 4, 4, 4), np.float32)
        nnUNetDatasetNumpy.save_case(zeros, zeros, {}, str(folder / name))
    (folder / "case_002.npz").write_bytes(b"cut short")
    return nnUNetDatasetNumpy(str(folder), ["case_001", "case_002"])


def _augmenters(options: argparse.Namespace):
    dataset = _dataset(options.broken_case_in)
    toy, val_toy = Toy(dataset, options.size, options.fault), Toy(dataset, options.size)
    transform = to_tensors if options.tensors else None
    if options.start == "none":
        return SingleThreadedAugmenter(toy, None), SingleThreadedAugmenter(toy, None)
    if options.older:
        toy.infinite = not options.finite
        return (
            MultiThreadedAugmenter(toy, transform, 2, 3, None, False, wait_time=0.002),
            MultiThreadedAugmenter(val_toy, transform, 1, 3, None, False, wait_time=0.002),
        )
    return (
        NonDetMultiThreadedAugmenter(toy, transform, 2, 6, None, False, 0.002),
        NonDetMultiThreadedAugmenter(val_toy, transform, 1, 3, None, False, 0.002),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--start", default="fork")
    parser.add_argument("--broken-case-in", type=Path)
    parser.add_argument("--go-on-while", type=Path, help="one more step for as long as this file exists")
    parser.add_argument("--size", type=int, default=8, help="of a batch, squared; large ones do not fit the pipe")
    parser.add_argument("--tensors", action="store_true")
    parser.add_argument("--older", action="store_true", help="the augmenter of nnU-Net v1")
    parser.add_argument("--finite", action="store_true", help="its data loader says that its data may end")
    parser.add_argument(
        "--fault", type=Path, help="while this file exists: 'hang' does; else raised, and it is removed"
    )
    parser.add_argument("--most", type=int, help="how often the hook may replace workers")
    options = parser.parse_args()
    parent = os.getppid()  # a test run that was killed leaves nothing running
    if options.most is not None:
        sys.modules["_holter_hook.workers.restart"].MOST = options.most
    if options.start != "none":
        multiprocessing.set_start_method(options.start)
    train, val = _augmenters(options)
    next(train)
    next(val)
    print("ready", flush=True)
    steps = 0
    while steps < options.steps or (
        options.go_on_while is not None and options.go_on_while.exists() and os.getppid() == parent
    ):
        next(train)
        time.sleep(0.01)
        steps += 1
    for augmenter in (train, val):
        if options.start != "none":
            augmenter._finish()
    print("done")


if __name__ == "__main__":
    main()
