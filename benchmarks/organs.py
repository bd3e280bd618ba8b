"""Generated scenes for the loader: connected, organ-like labels in volumes with the noise of a resampled CT.

Each scene is a function of its numbers alone: the same cases on every machine. Labels are soft-edged blobs around
random centres that push each other aside, so that most voxels lie inside one and a few where two or three meet, as in
a segmentation of organs; ``mixed_share`` says how many.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2
from numpy.typing import NDArray

from benchmarks.loader_scene import LOCATIONS, Shape

NOISE = 0.25
KNOTS = 12  # voxels between two knots of the field that bends the organs


class Scene(NamedTuple):
    """One data set and the configuration that trains on it."""

    name: str
    patch: Shape
    batch: int
    labels: int  # with background
    shape: Shape  # of each case
    trainer: str = "nnUNetTrainer"
    cases: int = 20


SCENES = (
    Scene("A: 3D, 6 labels", (160, 160, 96), 2, 6, (256, 256, 160)),
    Scene("B: 3D, 38 labels", (56, 128, 80), 2, 38, (96, 200, 140)),
    Scene("C: 2D, 6 labels", (256, 160), 79, 6, (60, 340, 260)),
    Scene("D: nnUNetTrainerDA5 on A", (160, 160, 96), 2, 6, (256, 256, 160), "nnUNetTrainerDA5"),
)


def write_scene(folder: Path, scene: Scene) -> nnUNetDatasetBlosc2:
    """Write the cases through nnU-Net's own writer; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    patch = scene.patch if len(scene.patch) == 3 else (1, *scene.patch)
    for case in range(scene.cases):
        name = folder / f"case_{case:03d}"
        if name.with_suffix(".pkl").exists():
            continue
        image, seg = organs(scene.shape, scene.labels, seed=case)
        blocks, chunks = comp_blosc2_params(image[None].shape, patch, image.itemsize)
        places = {label: _some(np.argwhere(seg[None] == label)) for label in range(1, scene.labels)}
        nnUNetDatasetBlosc2.save_case(
            image[None], seg[None], {"class_locations": places}, str(name), chunks=chunks, blocks=blocks
        )
    return nnUNetDatasetBlosc2(str(folder))


def organs(shape: Shape, labels: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return image and labels of one case: 0 is background, the others are connected blobs."""
    draw = torch.Generator().manual_seed(seed)
    size = torch.tensor(shape, dtype=torch.float32)
    bends = _smooth(shape, 3, draw) * 0.08
    grid = torch.stack(torch.meshgrid(*(torch.linspace(0, 1, length) for length in shape), indexing="ij")) + bends
    best = torch.full(shape, 1.0)
    seg = torch.zeros(shape, dtype=torch.int8)
    typical = 0.62 / max(1, labels - 1) ** (1 / 3)
    aspect = size / size.mean()
    for label in range(1, labels):
        centre = 0.15 + 0.7 * torch.rand(3, generator=draw)
        radii = typical * (0.6 + 0.8 * torch.rand(3, generator=draw))
        distance = sum(((grid[axis] - centre[axis]) / radii[axis]) ** 2 for axis in range(len(aspect)))
        nearer = distance < best
        best = torch.where(nearer, distance, best)
        seg[nearer] = label
    levels = torch.randn(labels, generator=draw)
    image = levels[seg.long()] + 0.4 * _smooth(shape, 1, draw)[0] + NOISE * torch.randn(shape, generator=draw)
    return image.numpy().astype(np.float32), seg.numpy()


def mixed_share(seg: NDArray[np.int8]) -> float:
    """Return the share of cells of eight neighbouring voxels whose labels differ."""
    cells = np.lib.stride_tricks.sliding_window_view(seg, (2, 2, 2))
    return float((cells.min((-3, -2, -1)) != cells.max((-3, -2, -1))).mean())


def _smooth(shape: Shape, count: int, draw: torch.Generator) -> Any:
    knots = torch.randn([1, count, *(math.ceil(length / KNOTS) + 1 for length in shape)], generator=draw)
    return torch.nn.functional.interpolate(knots, size=shape, mode="trilinear", align_corners=True)[0]


def _some(voxels: NDArray[np.int64]) -> NDArray[np.int64]:
    chosen = np.random.default_rng(0).choice(len(voxels), min(len(voxels), LOCATIONS), replace=False)
    return voxels[chosen]
