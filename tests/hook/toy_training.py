"""A program that takes batches from the real augmenters as nnU-Net's trainer does. Run by the tests, not imported."""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

import numpy as np
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter


class Toy(DataLoader):
    def __init__(self, dataset) -> None:
        super().__init__([0], 2, 1, None, True, False, True)
        self.dataset = dataset

    def generate_train_batch(self):
        time.sleep(0.005)
        if self.dataset is not None:
            for name in self.dataset.identifiers:
                self.dataset.load_case(name)
        return {"data": np.zeros((2, 1, 8, 8), np.float32)}


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
    toy = Toy(_dataset(options.broken_case_in))
    if options.start == "none":
        return SingleThreadedAugmenter(toy, None), SingleThreadedAugmenter(toy, None)
    return (
        NonDetMultiThreadedAugmenter(toy, None, 2, 6, None, False, 0.002),
        NonDetMultiThreadedAugmenter(toy, None, 1, 3, None, False, 0.002),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--start", default="fork")
    parser.add_argument("--broken-case-in", type=Path)
    parser.add_argument("--go-on-while", type=Path, help="one more step for as long as this file exists")
    options = parser.parse_args()
    if options.start != "none":
        multiprocessing.set_start_method(options.start)
    train, val = _augmenters(options)
    next(train)
    next(val)
    print("ready", flush=True)
    steps = 0
    while steps < options.steps or (options.go_on_while is not None and options.go_on_while.exists()):
        next(train)
        time.sleep(0.01)
        steps += 1
    for augmenter in (train, val):
        if options.start != "none":
            augmenter._finish()
    print("done")


if __name__ == "__main__":
    main()
