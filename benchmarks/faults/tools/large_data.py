"""The generated brains enlarged, so that reading them keeps a disk busy.

``python -m benchmarks.faults.tools.large_data FOLDER``: the folder of a preprocessed configuration is changed in place.
Each case becomes FACTOR times as long in each direction, with noise that does not compress: 35 MB per case.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import blosc2
import numpy as np
from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2

from holter.demo.prepare import PATCH

FACTOR = 4
NOISE = 0.05  # of the standard deviation of a normalised image


def enlarge(folder: Path) -> None:
    """Enlarge all cases, one after the other."""
    noise = np.random.default_rng(1)
    for file in sorted(folder.glob("*.pkl")):
        image, seg = (_grown(_read(file.with_name(f"{file.stem}{part}.b2nd"))) for part in ("", "_seg"))
        image += noise.normal(0.0, NOISE, image.shape).astype(image.dtype)
        properties = pickle.loads(file.read_bytes())
        for where in properties["class_locations"].values():
            if len(where):
                where[:, 1:] *= FACTOR
        blocks, chunks = comp_blosc2_params(image.shape, PATCH, image.itemsize)
        for old in folder.glob(f"{file.stem}*.b2nd"):
            old.unlink()
        target = str(file.with_suffix(""))
        nnUNetDatasetBlosc2.save_case(image, seg, properties, target, chunks=chunks, blocks=blocks)


def _read(file: Path) -> np.ndarray:
    return np.asarray(blosc2.open(str(file))[:])


def _grown(array: np.ndarray) -> np.ndarray:
    for axis in (1, 2, 3):
        array = array.repeat(FACTOR, axis)
    return array


if __name__ == "__main__":
    enlarge(Path(sys.argv[1]))
