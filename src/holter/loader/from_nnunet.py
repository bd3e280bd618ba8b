"""Copy the settings of a data loader that nnU-Net built, including changes that a trainer made to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from holter.loader.plan.dataset import Catalogue
from holter.loader.records import Sampling, Shape


def sampling_like(stock: Any) -> Sampling:
    """Return the sampling settings of an ``nnUNetDataLoader`` of nnU-Net.

    Source:  nnunetv2 2.8.1 nnUNetDataLoader.__init__; its 2D sizes have an added first axis of 1.
    """
    skipped = 1 if stock.patch_size_was_2d else 0
    sides = stock.pad_sides
    weights = stock.sampling_probabilities
    return Sampling(
        batch_size=int(stock.batch_size),
        patch_size=_ints(stock.final_patch_size[skipped:]),
        initial_patch_size=_ints(stock.patch_size[skipped:]),
        oversample_foreground_percent=float(stock.oversample_foreground_percent),
        probabilistic_oversampling=stock.get_do_oversample.__name__ == "_probabilistic_oversampling",
        annotated_classes_key=tuple(stock.annotated_classes_key),
        has_ignore_label=bool(stock.has_ignore),
        pad_sides=None if sides is None else _ints(sides[skipped:]),
        sampling_probabilities=None if weights is None else tuple(float(weight) for weight in weights),
    )


def catalogue_like(dataset: Any) -> Catalogue:
    """Return the cases of an ``nnUNetDatasetBlosc2`` or ``nnUNetDatasetNumpy`` of nnU-Net."""
    folder, previous = Path(dataset.source_folder), dataset.folder_with_segs_from_previous_stage
    is_blosc2 = any((folder / f"{case}.b2nd").exists() for case in dataset.identifiers)
    return Catalogue(
        folder,
        dataset.identifiers,
        ending="b2nd" if is_blosc2 else "npz",
        previous_stage=None if previous is None else Path(previous),
    )


def _ints(values: Any) -> Shape:
    return tuple(int(value) for value in values)
