"""The memory that an export needs, computed from the shapes, and the memory that is free."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

BASE = 450 << 20  # bytes of a worker that has only imported torch and nnU-Net
HALF, SINGLE, DOUBLE = 2, 4, 8  # bytes per number
# nnU-Net resamples axis by axis if one spacing is more than this times another (its ANISO_THRESHOLD).
ANISOTROPIC = 3
# Numbers of 8 bytes per voxel while one class is resampled. At once: the result, and one as a reserve for a copy. By
# slices, if their number changes: the coordinates of every voxel three times, the slices and the result.
AT_ONCE, BY_SLICES = 2, 12
SHARED_MEMORY = Path("/dev/shm")  # predictions are sent to their worker through it


class Need(NamedTuple):
    """The memory that one case needs, in bytes."""

    worker: int  # at the peak of its export
    prediction: int  # the logits alone, in shared memory until they are exported


def needs(trainer: Any, cases: Sequence[str], *, probabilities: bool = False) -> list[Need]:
    """Return the bytes that the export of each case needs; a case whose properties cannot be read is left out.

    ``probabilities``: the class probabilities are saved as well (``--npz``).
    """
    folder = Path(trainer.preprocessed_dataset_folder)
    heads = int(trainer.label_manager.num_segmentation_heads)
    regions = bool(trainer.label_manager.has_regions)
    order, target = trainer.plans_manager.transpose_forward, trainer.configuration_manager.spacing
    case_needs = []
    for case in cases:
        try:
            with (folder / f"{case}.pkl").open("rb") as file:
                properties = pickle.load(file)  # written by nnU-Net, which loads it the same way
            case_needs.append(need(properties, order, target, heads, regions=regions, probabilities=probabilities))
        except (OSError, KeyError, ValueError, pickle.UnpicklingError):
            continue
    return case_needs


def need(
    properties: Mapping[str, Any],
    transpose_forward: Sequence[int],
    target_spacing: Sequence[float],
    heads: int,
    *,
    regions: bool,
    probabilities: bool = False,
) -> Need:
    """Return the memory in bytes that the export of one case needs, computed from the shapes in its properties.

    ``properties``: as nnU-Net saves them at preprocessing. ``transpose_forward``: the order of axes in the plans.
    ``target_spacing``: mm per axis, as in the plans (2 axes for 2d). ``heads``: the number of output channels.
    ``regions``: trained with regions instead of labels. ``probabilities``: class probabilities are saved as well
    (``--npz``).

    Raises:  KeyError if a property is missing.
    """
    cropped = [int(size) for size in properties["shape_after_cropping_and_before_resampling"]]
    spacing = [float(properties["spacing"][axis]) for axis in transpose_forward]
    target = [float(value) for value in target_spacing]
    target = target if len(target) == len(cropped) else [spacing[0], *target]
    network = [round(old / new * size) for old, new, size in zip(spacing, target, cropped, strict=True)]
    predicted, original = heads * prod(network), heads * prod(cropped)
    full = prod(int(size) for size in properties["shape_before_cropping"])

    coarse = spacing.index(max(spacing))
    by_slices = (
        any(max(spacings) / min(spacings) > ANISOTROPIC for spacings in (spacing, target))
        and network[coarse] != cropped[coarse]
    )
    resampling = DOUBLE * predicted + DOUBLE * (BY_SLICES if by_slices else AT_ONCE) * prod(cropped)
    result = HALF * original if network != cropped else 0
    # The class of each voxel: probabilities in single precision for regions, else a copy with permuted axes.
    choosing = original * (2 * SINGLE if regions else HALF) + DOUBLE * prod(cropped)
    saving = (SINGLE * (2 * original + heads * full)) if probabilities else 0
    peak = max(resampling if network != cropped else 0, choosing, saving)
    return Need(worker=BASE + HALF * predicted + result + peak + 4 * full, prediction=HALF * predicted)


def affordable(per_case: Sequence[Need], asked: int, free: int | None, shared: int | None) -> int:
    """Return how many export workers, 1 to ``asked``, fit into memory if they get the largest cases at the same time.

    ``free``: bytes of free memory; ``shared``: free bytes of shared memory; None: unknown, so no limit.
    """
    largest = sorted(per_case, reverse=True)
    ahead = sum(case.prediction for case in sorted(per_case, key=lambda case: -case.prediction)[:3])
    for workers in range(asked, 1, -1):
        together = largest[:workers] + [Need(BASE, 0)] * (workers - len(largest))
        in_memory = sum(case.worker for case in together) + ahead  # two cases predicted ahead, one in progress
        in_shared = sum(case.prediction for case in together)
        if (free is None or in_memory <= free) and (shared is None or in_shared <= shared):
            return workers
    return 1


def free_shared_bytes() -> int | None:
    """Return the free bytes of shared memory for predictions; None: unknown."""
    try:
        system = os.statvfs(SHARED_MEMORY)
    except OSError:
        return None
    return system.f_bavail * system.f_frsize
