"""Build a chain from the transforms that a trainer created.

Only exact types are replaced. A subclass may do anything, so for it the stock object runs. The same holds for a
transform with a parameter that no step here supports (a function, elastic deformation, another padding).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from holter.transforms import (
    added_brightness,
    blur,
    brightness,
    contrast,
    gamma,
    low_resolution,
    median,
    mirror,
    noise,
    sharpen,
)
from holter.transforms.batch_state import Step
from holter.transforms.chain import Chain
from holter.transforms.fallback import Fallback, runs_stock
from holter.transforms.labels import binary_operator, mask, one_hot, regions, remove_component, remove_label
from holter.transforms.local import gradient, local_gamma, rectangles
from holter.transforms.random_apply import OneOf, RandomApply
from holter.transforms.resample import downsample
from holter.transforms.scalar import full_name
from holter.transforms.spatial import rot90, spatial, transpose
from holter.transforms.spatial.geometry import Geometry
from holter.transforms.version import check_version

COMPOSE = (
    "batchgeneratorsv2.transforms.utils.compose.ComposeTransforms",
    "batchgeneratorsv2.transforms.utils.compose.TimedComposeTransforms",
)
RANDOM = "batchgeneratorsv2.transforms.utils.random.RandomTransform"
ONE_OF = "batchgeneratorsv2.transforms.utils.random.OneOfTransform"
FOLD = "batchgeneratorsv2.transforms.utils.pseudo2d.Convert3DTo2DTransform"
UNFOLD = "batchgeneratorsv2.transforms.utils.pseudo2d.Convert2DTo3DTransform"
PLAIN = (
    added_brightness,
    binary_operator,
    brightness,
    contrast,
    gamma,
    mask,
    median,
    mirror,
    noise,
    one_hot,
    regions,
    remove_component,
    remove_label,
)
BY_AXES = (blur, downsample, low_resolution)
BY_SIZE = (gradient, local_gamma, rectangles, rot90, sharpen, transpose)  # what they draw depends on the sample's size
Size: TypeAlias = tuple[int, ...] | None  # of the sample that a transform gets; None: unknown
OVERRIDABLE = ("__call__", "apply", "get_parameters", "_apply_to_image", "_apply_to_segmentation")


class Known(NamedTuple):
    """A step, and the name of the stock transform that it replaces."""

    stock: str
    step: Step


def read_chain(compose: Any, geometry: Geometry) -> Chain:
    """Return the chain that does what ``compose`` does: a trainer's training or validation transforms.

    Raises:  UntestedVersion if the installed batchgeneratorsv2 was not compared.
    """
    check_version()
    transforms = [] if compose is None else list(_flat(compose))
    known = list(_all(transforms, geometry))
    return Chain(
        geometry, tuple(entry.step for entry in known), tuple((entry.stock, entry.step.name) for entry in known)
    )


def _flat(transform: Any) -> Iterator[Any]:
    # Includes the transforms of nested composes.
    if _kind(transform) in COMPOSE:
        for inner in transform.transforms:
            yield from _flat(inner)
    else:
        yield transform


def _all(transforms: Sequence[Any], geometry: Geometry) -> Iterator[Known]:
    size: Size = geometry.initial_patch_size
    position = 0
    while position < len(transforms):
        count = _folded(transforms[position:])
        group = transforms[position : position + max(1, count)]
        position += len(group)
        known = _group(group) if count else _one(group[0], len(geometry.patch_size), size)
        if isinstance(known.step, spatial.Spatial):
            size = geometry.patch_size
        elif runs_stock(known.step):
            size = None  # it may do anything
        yield known


def _folded(transforms: Sequence[Any]) -> int:
    # The number of transforms from folding to unfolding slices, both included; 0 if the first one does not fold.
    if _kind(transforms[0]) != FOLD:
        return 0
    kinds = [_kind(transform) for transform in transforms]
    return kinds.index(UNFOLD) + 1 if UNFOLD in kinds else len(kinds)


def _group(transforms: Sequence[Any]) -> Known:
    # Spatial alone between folding and unfolding has our implementation; any other group runs as stock.
    names = " > ".join(type(transform).__name__ for transform in transforms)
    if len(transforms) == 3 and _kind(transforms[1]) == spatial.STOCK:
        step = spatial.read(transforms[1], folded=True)
        if step is not None:
            return Known(names, step)

    def run(**sample: Any) -> dict[str, Any]:
        for transform in transforms:
            sample = transform(**sample)
        return sample

    return Known(names, Fallback(run, names))


def _one(transform: Any, axes: int, size: Size) -> Known:
    name = _name(transform)
    return Known(name, _known(transform, axes, size) or Fallback(transform, name))


def _known(transform: Any, axes: int, size: Size) -> Step | None:
    kind = _kind(transform)
    if kind == RANDOM:
        step = _one(transform.transform, axes, size).step
        return None if _unsteady(step) else RandomApply(step, float(transform.apply_probability))
    if kind == ONE_OF:
        steps = [_one(inner, axes, size).step for inner in transform.list_of_transforms]
        return None if any(_unsteady(step) for step in steps) else OneOf(tuple(steps))
    if kind == spatial.STOCK:
        return spatial.read(transform, folded=False)
    sized = SIZED.get(kind)
    if sized is not None:
        return None if size is None else sized(transform, size)
    reader = READERS.get(kind)
    return reader(transform, axes) if reader is not None else None


def _unsteady(step: Step) -> bool:
    # Whether a step of ours changes shapes, so that it cannot be applied to some samples only.
    return step.reshapes and not isinstance(step, Fallback)


def _kind(transform: Any) -> str:
    # The full name of the type; empty if a method was replaced on the object.
    replaced = any(name in getattr(transform, "__dict__", {}) for name in OVERRIDABLE)
    return "" if replaced else full_name(type(transform))


def _name(transform: Any) -> str:
    inner = getattr(transform, "transform", None)
    name = type(transform).__name__
    if inner is not None:
        return f"{name}({_name(inner)})"
    several = getattr(transform, "list_of_transforms", None)
    return f"{name}({', '.join(_name(each) for each in several)})" if several else name


def _without_axes(reader: Callable[[Any], Step | None]) -> Callable[[Any, int], Step | None]:
    return lambda stock, _: reader(stock)


READERS: dict[str, Callable[[Any, int], Step | None]] = {
    **{module.STOCK: _without_axes(module.read) for module in PLAIN},
    **{module.STOCK: module.read for module in BY_AXES},
}
SIZED: dict[str, Callable[[Any, tuple[int, ...]], Step | None]] = {module.STOCK: module.read for module in BY_SIZE}
