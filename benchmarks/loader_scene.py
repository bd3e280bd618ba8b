"""Input of the loader benchmark, and its readers: CT-like cases, nnU-Net's own pipeline, and ours."""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from holter.loader import Loader, NoTransforms, Options, catalogue_like, sampling_like
from holter.loader.stage.chain import Chain, PlainBatch

CORES = 2
FOREGROUND = 0.33  # nnU-Net's oversampling
LOCATIONS = 10_000  # voxels of a class that nnU-Net's preprocessing keeps
SMOOTH = 8  # voxels between two knots of the smooth part of a volume
NOISE = 0.15  # of the smooth part's deviation: resampled CT, as compressible as real ones (about 2.5)

Shape = tuple[int, ...]


class Geometry(NamedTuple):
    """Sizes and angles that nnU-Net's trainer derives from a patch size."""

    patch: Shape
    initial: Shape
    rotation: Any
    is_dummy_2d: bool
    mirror_axes: Any


def geometry_of(patch: Shape) -> Geometry:
    """Return nnU-Net's values for this patch."""
    trainer = SimpleNamespace(
        configuration_manager=SimpleNamespace(patch_size=patch), print_to_log_file=lambda *_, **__: None
    )
    rotation, is_dummy, initial, mirror = nnUNetTrainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size(
        trainer
    )
    return Geometry(patch, tuple(int(size) for size in initial), rotation, bool(is_dummy), mirror)


def transforms_of(geometry: Geometry, labels: int) -> Any:
    """Return nnU-Net's default training transforms, with deep supervision at five resolutions."""
    scales = [[1 / 2**level] * len(geometry.patch) for level in range(5)]
    return nnUNetTrainer.get_training_transforms(
        geometry.patch, geometry.rotation, scales, geometry.mirror_axes, geometry.is_dummy_2d,
        use_mask_for_norm=[False], is_cascaded=False, foreground_labels=list(range(1, labels)), regions=None,
        ignore_label=None,
    )  # fmt: skip


def chain_of(geometry: Geometry, labels: int) -> Chain | None:
    """Return our transforms for the same; None if this Holter has none."""
    if importlib.util.find_spec("holter.transforms") is None:
        return None
    transforms = importlib.import_module("holter.transforms")
    sizes = transforms.Geometry(geometry.patch, geometry.initial, geometry.is_dummy_2d)
    chain: Chain = transforms.read_chain(transforms_of(geometry, labels), sizes)
    return chain


class OnlyRead:
    """The draws and boxes of a chain without its work: only planning, reading and staging for a GPU remain."""

    def __init__(self, chain: Chain) -> None:
        self.draw, self.needed_box = chain.draw, chain.needed_box
        self._nothing = torch.zeros(1)

    def apply(self, images: Any, segs: Any, draws: Any, *, device: Any) -> PlainBatch:  # noqa: ARG002
        """Return an empty batch: the boxes are already in their staging buffers, from which a GPU would copy."""
        return PlainBatch(self._nothing.expand(len(images), 1), self._nothing.expand(len(images), 1))


def write_cases(folder: Path, number: int, shape: Shape, labels: int, patch: Shape) -> nnUNetDatasetBlosc2:
    """Write volumes like resampled CT, with nested structures as labels, through nnU-Net's own writer."""
    folder.mkdir()
    for case in range(number):
        draw = torch.Generator().manual_seed(case)
        knots = torch.randn([1, 1, *(-(-size // SMOOTH) for size in shape)], generator=draw)
        smooth = torch.nn.functional.interpolate(knots, size=shape, mode="trilinear")[0]
        image = (smooth + NOISE * torch.randn(smooth.shape, generator=draw)).numpy()
        cuts = (
            np.quantile(smooth[:, ::4, ::4, ::4].numpy(), np.linspace(0.6, 1, labels + 1)[1:-1]) if labels > 1 else []
        )
        seg = np.digitize(smooth.numpy(), cuts).astype(np.int8)
        locations = {label: _some(np.argwhere(seg == label)) for label in range(1, labels)}
        blocks, chunks = comp_blosc2_params(image.shape, patch, image.itemsize)
        nnUNetDatasetBlosc2.save_case(
            image, seg, {"class_locations": locations}, str(folder / f"case_{case:03d}"), chunks=chunks, blocks=blocks
        )
    return nnUNetDatasetBlosc2(str(folder))


def stock_loader(dataset: Any, geometry: Geometry, labels: int, *, has_transforms: bool) -> nnUNetDataLoader:
    """Return nnU-Net's loader."""
    manager = SimpleNamespace(all_labels=list(range(1, labels)), has_ignore_label=False)
    transforms = transforms_of(geometry, labels) if has_transforms else None
    return nnUNetDataLoader(
        dataset, 2, geometry.initial, geometry.patch, manager, oversample_foreground_percent=FOREGROUND,
        transforms=transforms,
    )  # fmt: skip


@contextmanager
def stock(loader: nnUNetDataLoader) -> Iterator[Any]:
    """Yield batches of nnU-Net's pipeline with as many worker processes as there are cores."""
    augmenter = NonDetMultiThreadedAugmenter(loader, None, CORES, num_cached=3, wait_time=0.002)
    try:
        yield augmenter
    finally:
        augmenter._finish()


def ours(dataset: Any, like: nnUNetDataLoader, chain: Chain | None, **options: Any) -> Loader:
    """Return our loader for the same cases."""
    sampling = sampling_like(like)
    chain = chain or NoTransforms(sampling.initial_patch_size)
    options = {"threads": CORES, **options}
    return Loader(catalogue_like(dataset), sampling, chain, seed=1, options=Options(**options))


class Rate(NamedTuple):
    """Speed and CPU time over a number of batches."""

    samples_per_s: float
    cpu_ms_per_sample: float  # of this process and its threads; without worker processes


def rate_of(batches: Iterator[Any], seconds: float, skipped: int, enough: float = math.inf) -> Rate:
    """Take batches for that time, or that many samples, after skipping those that were made in advance."""
    for _ in range(skipped):
        next(batches)
    began_s, cpu_s, samples = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began_s < seconds and samples < enough:
        samples += len(next(batches)["keys"])
    took_s = time.perf_counter() - began_s
    return Rate(samples / took_s, (time.process_time() - cpu_s) / samples * 1000)


def pin() -> list[int]:
    """Keep this process, its threads and its children on two cores; return them."""
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(1)
    return cores


def _some(voxels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    chosen = np.random.default_rng(0).choice(len(voxels), min(len(voxels), LOCATIONS), replace=False)
    return voxels[chosen]
