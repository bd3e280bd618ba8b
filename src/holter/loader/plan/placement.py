"""Place the initial patch in a case by nnU-Net's rules, with its distributions and corner cases."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from holter.loader.plan.foreground_file import Locations
from holter.loader.records import ClassKey, Region, Sampling, Shape


class Placed(NamedTuple):
    """An initial patch, and the class of the voxel that it is centred on; None: placed anywhere."""

    region: Region
    chosen_class: ClassKey | None


def place(
    rng: np.random.Generator,
    sampling: Sampling,
    shape: Shape,
    locations: Locations | None,
    is_foreground_forced: bool,
) -> Placed:
    """Draw the initial patch in a case of this shape.

    A patch centred on a voxel may extend further beyond the upper border than one placed anywhere. At the lower border
    both have the same limit. nnU-Net does the same.

    Source:  nnunetv2 2.8.1 nnUNetDataLoader.get_bbox.
    """
    size = sampling.box_size
    lowest, highest = bounds(sampling, shape)
    chosen = _choose_class(rng, sampling, locations, is_foreground_forced)
    if chosen is None or locations is None:
        lower = tuple(int(rng.integers(low, high + 1)) for low, high in zip(lowest, highest, strict=True))
    else:
        voxel = locations.voxel(chosen, int(rng.integers(locations.count(chosen))))
        lower = tuple(max(low, at - extent // 2) for low, at, extent in zip(lowest, voxel, size, strict=True))
    return Placed(Region(lower, tuple(low + extent for low, extent in zip(lower, size, strict=True))), chosen)


def bounds(sampling: Sampling, shape: Shape) -> tuple[Shape, Shape]:
    """Return the lowest and the highest position of the lower corner of a patch that is placed anywhere.

    A case that is smaller than the patch is padded, so positions may be negative.
    """
    return _bounds(shape, sampling.box_size, sampling.need_to_pad)


@lru_cache(maxsize=4096)  # a data set has a few thousand cases
def _bounds(shape: Shape, box: Shape, need_to_pad: Shape) -> tuple[Shape, Shape]:
    lowest, highest = [], []
    for extent, patch, pad in zip(shape, box, need_to_pad, strict=True):
        padding = max(pad, patch - extent)
        lowest.append(-padding // 2)
        highest.append(extent + padding // 2 + padding % 2 - patch)
    return tuple(lowest), tuple(highest)


def _choose_class(
    rng: np.random.Generator, sampling: Sampling, locations: Locations | None, is_forced: bool
) -> ClassKey | None:
    # None: the patch is placed anywhere.
    if locations is None:
        return None
    key = sampling.annotated_classes_key
    if not is_forced:
        has_annotation = sampling.has_ignore_label and key in locations.keys
        return key if has_annotation else None
    eligible = list(locations.keys)
    if key in eligible and len(eligible) > 1:
        eligible.remove(key)
    return eligible[rng.integers(len(eligible))] if eligible else None
