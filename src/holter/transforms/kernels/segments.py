"""Run the steps in the middle of a chain that the kernels have: they change a batch in place."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from holter.transforms.batch_state import BatchState, Step
from holter.transforms.kernels.encode import encoder_of
from holter.transforms.kernels.encode_labels import seg_channels_needed
from holter.transforms.kernels.kinds import MOST_VOXELS, SAMPLE_NUMBERS, Encode, Layout, Numbers, three
from holter.transforms.kernels.library import Kernels
from holter.transforms.labels.one_hot import OneHot
from holter.transforms.spatial.spatial import Spatial


class Segment(NamedTuple):
    """Steps in the middle of a chain that the kernels have: they change a batch in place."""

    first: int  # of the chain's steps
    encoders: tuple[Encode, ...]
    least_segs: int  # channels that the segmentation must have

    def run(self, kernels: Kernels, work: BatchState, draws: Sequence[Sequence[Any]]) -> bool:
        """Apply the steps in place; return False, with nothing done, if the kernels cannot handle this batch.

        ``draws``: for each sample of the batch, one draw per step of the whole chain.
        """
        image, seg = work.image, work.seg
        fits = (
            isinstance(seg, Tensor) and seg.dtype == torch.int16 and image.dtype == torch.float32
            and image.is_contiguous() and seg.is_contiguous() and image.shape[2:] == seg.shape[2:]
            and image[0, 0].numel() < MOST_VOXELS and image.ndim in (4, 5) and seg.shape[1] >= self.least_segs
        )  # fmt: skip
        if not fits:
            return False
        numbers: Numbers = []
        samples: list[int] = []
        for slot, draw in enumerate(draws):
            begin = len(numbers)
            for encode, drawn in zip(self.encoders, draw[self.first :], strict=False):
                if drawn is not None:
                    encode(drawn, numbers)
            if len(numbers) > begin:
                samples += (0, 0, *(0,) * 6, slot, begin, len(numbers) - begin)
        size = three(tuple(image.shape[2:]))
        layout = Layout(
            moved_axes=3, channels=image.shape[1], read_channels=image.shape[1], seg_channels=seg.shape[1],
            label_bytes=2, source=size, patch=size, image=image.data_ptr(), seg=seg.data_ptr(),
        )  # fmt: skip
        if samples:
            count = len(samples) // SAMPLE_NUMBERS
            kernels.run(ctypes.addressof(layout), array("q", samples), count, array("d", numbers))
        return True


def segments_of(steps: Sequence[Step], first: int, axes: int) -> list[Segment | int]:
    """Divide a chain from step ``first`` on, and return the parts in order.

    Adjacent steps that the kernels have become one Segment; any other step is given by its index in the chain.
    """
    found: list[Segment | int] = []
    for number, step in enumerate(steps[first:], first):
        # In place neither the size of the image nor the number of its channels can change.
        encode = None if isinstance(step, (Spatial, OneHot)) else encoder_of(step, axes)
        last = found[-1] if found else None
        if encode is None:
            found.append(number)
        elif isinstance(last, Segment):
            found[-1] = Segment(
                last.first, (*last.encoders, encode), seg_channels_needed(steps[last.first : number + 1])
            )
        else:
            found.append(Segment(number, (encode,), seg_channels_needed([step])))
    return found
