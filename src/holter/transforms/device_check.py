"""Whether a device can resample: tested once, on a few voxels, before a training depends on it.

The first batch may have only plain crops, which every device can do. Only a rotated sample shows that the fused kernel
cannot be compiled (no C compiler), launched (an old driver), or differs from the CPU.
"""

from __future__ import annotations

import numpy as np
import torch

from holter.errors import coded
from holter.transforms.resample.dispatch import resampler_for
from holter.transforms.spatial.geometry import reached
from holter.transforms.spatial.placement import How, Placement
from holter.transforms.spatial.spatial import affine_of

PATCH, SOURCE = 12, 19  # voxels along an axis
ANGLE, FACTOR = 0.3, 1.1  # no voxel of the patch is exactly on a source voxel or halfway between two
LABELS = 4
MOST_DIFFERENT = 0.01  # of all labels: devices round differently, so a nearly tied vote may change
MOST_APART = 1e-3


def why_unusable(device: torch.device | str, axes: int, seg_dtype: torch.dtype = torch.int8) -> str | None:
    """Return why 2D or 3D resampling fails on the device; None if the result equals the CPU's. Waits for the device.

    The kernel for these axes and this type of labels is compiled here, not in the middle of the training.
    """
    try:
        image, seg = _resampled(torch.device(device), axes, seg_dtype)
    except Exception as error:  # noqa: BLE001 -- compilers and drivers raise anything
        return f"{type(error).__name__}: {error}"
    right_image, right_seg = _resampled(torch.device("cpu"), axes, seg_dtype)
    if float((image - right_image).abs().max()) > MOST_APART:
        return coded("image-differs", "a resampled image differs from the CPU's")
    if float((seg != right_seg).float().mean()) > MOST_DIFFERENT:
        return coded("segmentation-differs", "a resampled segmentation differs from the CPU's")
    return None


def _resampled(device: torch.device, axes: int, seg_dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    affine = affine_of((ANGLE,) * axes, (FACTOR,) * axes)
    assert affine is not None
    source, patch = (SOURCE,) * axes, (PATCH,) * axes
    box = reached(source, patch, affine)
    rng = np.random.default_rng(1)
    image = torch.from_numpy(rng.standard_normal((1, *box.shape), dtype=np.float32))
    seg = torch.from_numpy(rng.integers(-1, LABELS, (1, *box.shape), dtype=np.int8)).to(seg_dtype)
    into = torch.empty((1, *patch), device=device), torch.empty((1, *patch), dtype=torch.int16, device=device)
    place = Placement(source, box.lower, patch, affine)
    resampler_for(device)(image.to(device), seg.to(device), place, How("bilinear", "bilinear", -1), into)
    return into[0].cpu(), into[1].cpu()
