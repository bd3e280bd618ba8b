"""Preprocessed cases, written by nnU-Net's own functions, and a chain of transforms with something to draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import (
    comp_blosc2_params,
    nnUNetBaseDataset,
    nnUNetDatasetBlosc2,
    nnUNetDatasetNumpy,
)

from holter.loader import ReadTrouble
from holter.loader.stage.chain import PlainBatch, PlainBox

Shape = tuple[int, ...]


def volume(shape: Shape, channels: int = 1, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    """Noise; whole numbers where the type has no others."""
    values = np.random.default_rng(seed).normal(0, 30, (channels, *shape))
    return (values if dtype.startswith("float") else values.round()).astype(dtype)


def labels(shape: Shape, count: int, seed: int = 0, dtype: str | None = None) -> np.ndarray:
    """Blobs of labels -1 to count - 1."""
    coarse = np.random.default_rng(seed).integers(-1, count, [-(-extent // 6) for extent in shape])
    whole = np.kron(coarse, np.ones((6,) * len(shape), int))[tuple(map(slice, shape))]
    return whole[None].astype(dtype or ("int8" if count <= 128 else "int16"))


def locations(seg: np.ndarray, keys: Sequence[Any]) -> dict[Any, Any]:
    """As nnU-Net's preprocessing gives them; an empty list where a class is missing."""
    found: dict[Any, Any] = {}
    for key in keys:
        voxels = np.argwhere(np.isin(seg, key if isinstance(key, tuple) else [key]))
        found[key] = voxels[:: max(1, len(voxels) // 500)] if len(voxels) else []
    return found


def save(
    folder: Path,
    case: str,
    shape: Shape,
    *,
    channels: int = 1,
    count: int = 4,
    dtype: str = "float32",
    seed: int = 0,
    keys: Sequence[Any] | None = None,
    patch: Shape = (16, 16, 16),
    dataset: type[nnUNetBaseDataset] = nnUNetDatasetBlosc2,
) -> None:
    """One case with small chunks, so that a box takes several."""
    data, seg = volume(shape, channels, dtype, seed), labels(shape, count, seed)
    properties = {"class_locations": locations(seg, range(1, count) if keys is None else keys), "spacing": [1, 1, 1]}
    for old in folder.glob(f"{case}*.b2nd"):
        old.unlink()  # python-blosc2 does not write over a file
    options: dict[str, Any] = {}
    if dataset is nnUNetDatasetBlosc2:
        blocks, chunks = comp_blosc2_params(data.shape, patch, data.itemsize, 2048, 16384)
        options = {"chunks": chunks, "blocks": blocks}
    dataset.save_case(data, seg, properties, str(folder / case), **options)


def stock_loader(dataset: Any, batch_size: int, initial: Shape, final: Shape, **options: Any) -> nnUNetDataLoader:
    """nnU-Net's own loader, without transforms."""
    ignore = options.pop("ignore", None)
    names = options.pop("all_labels", [1, 2, 3])
    manager = SimpleNamespace(all_labels=names, has_ignore_label=ignore is not None)
    return nnUNetDataLoader(dataset, batch_size, initial, final, manager, **options)


def numpy_dataset(folder: Path) -> nnUNetDatasetNumpy:
    """All cases of a folder."""
    return nnUNetDatasetNumpy(str(folder))


class Wandering:
    """A chain that needs a part of the initial patch and adds what it drew: small, but all of it is random."""

    def __init__(self, initial: Shape, patch: Shape) -> None:
        self.initial, self.patch = initial, patch

    def draw(self, rng: np.random.Generator, channels: int) -> tuple[Shape, list[float]]:
        corner = tuple(int(rng.integers(0, a - b + 1)) for a, b in zip(self.initial, self.patch, strict=True))
        return corner, rng.random(channels).tolist()

    def needed_box(self, draw: tuple[Shape, list[float]]) -> PlainBox:
        return PlainBox(draw[0], tuple(low + size for low, size in zip(draw[0], self.patch, strict=True)))

    def apply(self, images: Sequence[Any], segs: Sequence[Any], draws: Sequence[Any], *, device: Any) -> PlainBatch:
        add = [torch.tensor(draw[1]).view(-1, *[1] * len(self.patch)) for draw in draws]
        image = torch.stack([image + more for image, more in zip(images, add, strict=True)])
        seg = torch.stack(list(segs)).to(torch.int16)
        return PlainBatch(image.to(device), [seg.to(device), seg[..., ::2].to(device)])  # type: ignore[arg-type]


class Told:
    """Troubles as they are told."""

    def __init__(self) -> None:
        self.troubles: list[ReadTrouble] = []

    def __call__(self, trouble: ReadTrouble) -> None:
        self.troubles.append(trouble)

    def kinds(self, case: str) -> list[str]:
        return [trouble.kind for trouble in self.troubles if trouble.case == case]
