"""Images, segmentations and configurations that transforms are compared on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor

from holter.transforms import Chain, Geometry, SampleDraw, read_chain

DEGREE = np.pi / 180


@dataclass(frozen=True)
class Configuration:
    """What a trainer would hand to get_training_transforms."""

    patch: tuple[int, ...]
    degrees: float = 30.0
    dummy: bool = False
    channels: int = 1
    labels: int = 4  # with background
    extra: dict[str, Any] = field(default_factory=dict)
    cascade: bool = False
    scales: Sequence[Sequence[float]] | None = None
    mirror: tuple[int, ...] | None = None

    @property
    def initial(self) -> tuple[int, ...]:
        angle = self.degrees * DEGREE
        size = get_patch_size(self.patch, *((-angle, angle),) * 3, (0.85, 1.25))
        if self.dummy:
            size[0] = self.patch[0]
        return tuple(int(length) for length in size)

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.patch, self.initial, self.dummy)

    def training(self) -> Any:
        axes = tuple(range(len(self.patch))) if self.mirror is None else self.mirror
        angle = self.degrees * DEGREE
        return nnUNetTrainer.get_training_transforms(
            self.patch, (-angle, angle), self.scales, axes, self.dummy, is_cascaded=self.cascade,
            foreground_labels=list(range(1, self.labels)), **self.extra,
        )  # fmt: skip

    def validation(self) -> Any:
        extra = {name: value for name, value in self.extra.items() if name != "use_mask_for_norm"}
        return nnUNetTrainer.get_validation_transforms(
            self.scales, is_cascaded=self.cascade, foreground_labels=list(range(1, self.labels)), **extra
        )

    def sample(self, seed: int, size: tuple[int, ...] | None = None) -> tuple[Tensor, Tensor]:
        """Image and segmentation of an initial patch."""
        size = self.initial if size is None else size
        segs = [voronoi(size, self.labels, seed + number) for number in range(2 if self.cascade else 1)]
        return noisy_image(size, self.channels, seed), torch.stack(segs)


SMALL_3D = Configuration((16, 20, 18), channels=2)
DUMMY_2D = Configuration((5, 26, 24), degrees=180, dummy=True, channels=2)
FLAT_2D = Configuration((40, 36), degrees=180, channels=2)


def noisy_image(size: tuple[int, ...], channels: int, seed: int) -> Tensor:
    """Unit normal noise over slow waves: the hardest case for interpolation, as neighbours differ by several units."""
    rng = np.random.default_rng(seed)
    grids = np.meshgrid(*(np.arange(length) for length in size), indexing="ij")
    waves = sum(np.sin(grid / (3 + axis)) for axis, grid in enumerate(grids))
    return torch.from_numpy(rng.standard_normal((channels, *size)) + waves).float()


def voronoi(size: tuple[int, ...], labels: int, seed: int) -> Tensor:
    """Cells around random points with labels from -1 (outside) to ``labels`` - 1; many meet in one voxel."""
    rng = np.random.default_rng(seed)
    count = 2 * labels + 3
    points = rng.random((count, len(size))) * np.array(size)
    names = rng.permutation(np.resize(np.arange(-1, labels), count))
    grids = np.stack(np.meshgrid(*(np.arange(length) for length in size), indexing="ij"), -1)
    distances = ((grids[..., None, :] - points) ** 2).sum(-1)
    return torch.from_numpy(names[distances.argmin(-1)]).to(torch.int16)


def speckled(size: tuple[int, ...], labels: int, seed: int) -> Tensor:
    """A label of its own for every voxel, -1 among them: nothing but borders."""
    return torch.from_numpy(np.random.default_rng(seed).integers(-1, labels, size)).to(torch.int16)


def always(compose: Any) -> Any:
    """The same transforms, but every one of them hits every sample (spatial with both turning and scaling)."""
    for transform in compose.transforms:
        if hasattr(transform, "apply_probability"):
            transform.apply_probability = 1.0
        if hasattr(transform, "p_rotation"):
            transform.p_rotation = transform.p_scaling = 1.0
    return compose


def part(tensor: Tensor, chain: Chain, draw: SampleDraw) -> Tensor:
    """What a reader would give: the needed box and no more."""
    box = chain.needed_box(draw)
    return tensor[(slice(None), *(slice(*ends) for ends in zip(box.lower, box.upper, strict=True)))].clone()


def run(chain: Chain, samples: Sequence[tuple[Tensor, Tensor]], draws: Sequence[SampleDraw]) -> Any:
    """The chain on the needed boxes of whole initial patches."""
    images = [part(image, chain, draw) for (image, _), draw in zip(samples, draws, strict=True)]
    segs = [part(seg, chain, draw) for (_, seg), draw in zip(samples, draws, strict=True)]
    return chain.apply(images, segs, draws, device="cpu")


def chain_of(configuration: Configuration, compose: Any) -> Chain:
    return read_chain(compose, configuration.geometry)
