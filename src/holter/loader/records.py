"""Records of the loader. Shapes and boxes are in voxels and always have three spatial axes: in 2D the first is 1."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from holter.errors import BadInput

Shape = tuple[int, ...]
ClassKey = int | tuple[int, ...]  # a label, or a region: the labels in it


class Region(NamedTuple):
    """A half-open box of voxels in coordinates of the case; parts of it may be outside the case."""

    lower: Shape
    upper: Shape

    @property
    def size(self) -> Shape:
        """Return the voxels along each axis."""
        return tuple(high - low for low, high in zip(self.lower, self.upper, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Rules for choosing samples: the settings of one of nnU-Net's data loaders.

    Source:  nnunetv2 2.8.1 nnUNetDataLoader.__init__.
    """

    batch_size: int
    patch_size: Shape  # input of the network; two or three axes
    initial_patch_size: Shape  # input of the transforms
    oversample_foreground_percent: float = 0.0  # a share, 0 to 1; named as in nnU-Net
    probabilistic_oversampling: bool = False
    annotated_classes_key: tuple[int, ...] = ()
    has_ignore_label: bool = False
    pad_sides: Shape | None = None
    sampling_probabilities: tuple[float, ...] | None = None  # one per case; None: all equal
    # Derived, once: they are needed for every sample.
    box_size: Shape = field(init=False, repr=False, compare=False)  # of the initial patch, with three axes
    need_to_pad: Shape = field(init=False, repr=False, compare=False)  # beyond the case, both sides together, per axis

    def __post_init__(self) -> None:
        if len(self.patch_size) != len(self.initial_patch_size) or len(self.patch_size) not in (2, 3):
            raise BadInput(
                f"patch size {self.patch_size} and initial patch size {self.initial_patch_size} do not match"
            )
        if self.batch_size < 1 or min(*self.patch_size, *self.initial_patch_size) < 1:
            raise BadInput(f"batch size {self.batch_size}, patch size {self.patch_size}: all must be at least 1")
        box = (1, *self.initial_patch_size) if self.is_2d else self.initial_patch_size
        final = (1, *self.patch_size) if self.is_2d else self.patch_size
        sides = self.pad_sides or (0,) * len(self.patch_size)
        sides = (0, *sides) if self.is_2d else sides
        padding = tuple(size - patch + side for size, patch, side in zip(box, final, sides, strict=True))
        object.__setattr__(self, "box_size", box)
        object.__setattr__(self, "need_to_pad", padding)

    @property
    def is_2d(self) -> bool:
        """Whether patches are slices."""
        return len(self.patch_size) == 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """The facts of a case that are needed to draw a box in it."""

    channels: int
    seg_channels: int  # including that of the previous stage, if there is one
    shape: Shape
    bytes_in_memory: int  # when decompressed


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """All random choices for one sample, made before a voxel is read."""

    step: int
    slot: int
    attempt: int  # 0, or the number of unreadable cases drawn before this one
    case: str
    is_foreground_forced: bool
    chosen_class: ClassKey | None  # the initial patch is centred on a voxel of it; None: placed anywhere
    initial: Region  # the patch that nnU-Net would read
    needed: Region  # the part that the drawn transforms need
    channels: int
    seg_channels: int
    draw: Any  # the record of the chain's draw


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTrouble:
    """An event while a case was read, reported at once."""

    kind: Literal["hung", "unreadable", "quarantined", "back"]
    case: str
    file: str | None
    mount: str | None  # None: unknown
    fs_type: str | None
    detail: str
    step: int
    waited_s: float | None  # None: there was no wait


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderState:
    """The position of a loader; with the same settings and cases it is enough to continue from there."""

    seed: int
    stream: int
    step: int  # of the next batch
