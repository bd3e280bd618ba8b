"""Decide how far ahead the loader may read, if the machine or the control group leaves little memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from holter.loader import Sampling

FLOAT_BYTES, LABEL_BYTES = 4, 2
ALL_RESOLUTIONS = 8 / 7  # of targets, with deep supervision: 1 + 1/8 + 1/64 + ...
GROWTH = 1.25  # of a reader's memory beyond what it was asked for
WORKING_BYTES = 4  # a voxel of a box: tables of the labels, and what a transform needs besides
LEAST_AHEAD = 4  # batches
# The network, its gradients and the page cache of the files need the rest.
MOST_SHARE = 0.5


class Purposes(NamedTuple):
    """How many batches the loaders of training and validation read ahead, and how many threads each has."""

    depths: tuple[int, int]
    threads: int


class Fit(NamedTuple):
    """The chosen numbers, the most bytes that they need, and the free bytes (None: unknown)."""

    chosen: Purposes
    needed: int
    free: int | None

    @property
    def is_short(self) -> bool:
        """Return whether even the chosen numbers need more memory than the loader may take."""
        return self.free is not None and self.needed > MOST_SHARE * self.free


def batches_for(threads: int, batch_size: int) -> int:
    """Return how many batches to read ahead, so that each thread has a sample to work on beside two that are done."""
    return max(LEAST_AHEAD, math.ceil(threads / batch_size) + 2)


def fit(wanted: Purposes, free: int | None, needed: Callable[[Purposes], int]) -> Fit:
    """Return the largest numbers up to ``wanted`` that fit into memory.

    First the batches ahead are reduced, then the threads, down to one of each.
    """
    chosen = wanted
    while True:
        found = Fit(chosen, needed(chosen), free)
        if not found.is_short or chosen == Purposes((1, 1), 1):
            return found
        chosen = _smaller(chosen)


def _smaller(purposes: Purposes) -> Purposes:
    train, val = purposes.depths
    if train > 2:
        return Purposes((train - 1, min(val, train - 1)), purposes.threads)
    if purposes.threads > 1:
        return Purposes((2, 1), purposes.threads // 2)
    return Purposes((1, 1), 1)


def needed_bytes(
    purposes: Purposes, samplings: Sequence[Sampling], channels: int, seg_channels: int, *, on_gpu: bool
) -> int:
    """Return the most bytes of RAM that the loaders of training and validation take, without cases kept in memory.

    ``on_gpu``: the transforms run on the GPU, so finished batches in RAM hold untransformed samples.
    """
    total = 0.0
    for sampling, depth in zip(samplings, purposes.depths, strict=True):
        patch, box = math.prod(sampling.patch_size), math.prod(sampling.initial_patch_size)
        read = box * (FLOAT_BYTES * channels + LABEL_BYTES * seg_channels) * GROWTH
        made = patch * (FLOAT_BYTES * channels + LABEL_BYTES * seg_channels * ALL_RESOLUTIONS)
        sample, reader = (read, read) if on_gpu else (made, read + box * WORKING_BYTES)
        # One batch more than the depth: the one in training.
        total += (depth + 1) * sampling.batch_size * sample + purposes.threads * reader
    return int(total)
