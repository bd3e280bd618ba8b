"""The nouns of the loader. Shapes and boxes are spatial, in voxels, and always have three axes: 2D has a first of 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from holter.errors import BadInput

Shape = tuple[int, ...]
ClassKey = int | tuple[int, ...]  # a label, or a region: the labels that it unites


class Region(NamedTuple):
    """A box of voxels, half open, in coordinates of the case; parts of it may lie outside the case."""

    lower: Shape
    upper: Shape

    @property
    def size(self) -> Shape:
        """Voxels along each axis."""
        return tuple(high - low for low, high in zip(self.lower, self.upper, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How samples are chosen: the settings of one of nnU-Net's data loaders.

    Source:  nnunetv2 2.8.1 nnUNetDataLoader.__init__.
    """

    batch_size: int
    patch_size: Shape  # what the network gets; two or three axes
    initial_patch_size: Shape  # what the transforms get
    oversample_foreground_percent: float = 0.0  # a share, 0 to 1; named as in nnU-Net
    probabilistic_oversampling: bool = False
    annotated_classes_key: tuple[int, ...] = ()
    has_ignore_label: bool = False
    pad_sides: Shape | None = None
    sampling_probabilities: tuple[float, ...] | None = None  # one a case; None: all alike

    def __post_init__(self) -> None:
        if len(self.patch_size) != len(self.initial_patch_size) or len(self.patch_size) not in (2, 3):
            raise BadInput(
                f"patch size {self.patch_size} and initial patch size {self.initial_patch_size} do not match"
            )
        if self.batch_size < 1 or min(*self.patch_size, *self.initial_patch_size) < 1:
            raise BadInput(f"batch size {self.batch_size}, patch size {self.patch_size}: all must be at least 1")

    @property
    def is_2d(self) -> bool:
        """Whether patches are slices."""
        return len(self.patch_size) == 2

    @property
    def box_size(self) -> Shape:
        """The initial patch, three axes."""
        return (1, *self.initial_patch_size) if self.is_2d else self.initial_patch_size

    @property
    def need_to_pad(self) -> Shape:
        """By how much a patch may reach over the border of a case, both sides together."""
        final = (1, *self.patch_size) if self.is_2d else self.patch_size
        sides = self.pad_sides or (0,) * len(self.patch_size)
        sides = (0, *sides) if self.is_2d else sides
        return tuple(box - patch + side for box, patch, side in zip(self.box_size, final, sides, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What must be known of a case before a box in it can be drawn."""

    channels: int
    seg_channels: int  # with that of the previous stage, if there is one
    shape: Shape
    bytes_in_memory: int  # when decompressed


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """Everything random about one sample, decided before a voxel is read."""

    step: int
    slot: int
    attempt: int  # 0, or how many cases before this one could not be read
    case: str
    is_foreground_forced: bool
    chosen_class: ClassKey | None  # whose voxel the initial patch is centred on; None: placed anywhere
    initial: Region  # the patch that nnU-Net would read
    needed: Region  # what the drawn transforms look at
    channels: int
    seg_channels: int
    draw: Any  # the chain's own record


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTrouble:
    """Something that happened while a case was read, told as it happens."""

    kind: Literal["hung", "unreadable", "quarantined", "back"]
    case: str
    file: str | None
    mount: str | None  # None: not known
    fs_type: str | None
    detail: str
    step: int
    waited_s: float | None  # None: nothing was waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderState:
    """Where a loader stands; with the same settings and cases, all that is needed to go on from there."""

    seed: int
    stream: int
    step: int  # of the batch that comes next
