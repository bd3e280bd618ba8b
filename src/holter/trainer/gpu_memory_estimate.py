"""Estimate whether a GPU has enough memory for the transforms in addition to the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from holter.records import Message
from holter.trainer.memory_fit import ALL_RESOLUTIONS
from holter.trainer.sentences import WOULD_TAKE

# nnU-Net plans networks for most of a GPU, and their real need is known only in training. A tenth of the memory that is
# free before that may be lost to fragmentation anyway; at 128 x 128 x 128 transforms take 0.4 GB.
MOST_SHARE = 0.1
BATCHES = 5  # one in training, one ready, one in preparation; two of validation that wait
FEEDS = 2  # training and validation, each with memory for the boxes of a batch
WORKING_CHANNELS = 4  # temporary float32 copies of a channel in a transform (blur, noise, contrast, gamma)
FLOAT_BYTES, LABEL_BYTES = 4, 2
# For a cascade's binary operator: spectra of a label with a ball's width around it, and their results.
SPECTRAL_BYTES = 48


def needed_bytes(
    batch_size: int, patch: Sequence[int], initial: Sequence[int], channels: int, seg_channels: int,
    resampling_bytes: int = 0,
) -> int:  # fmt: skip
    """Return the largest GPU memory, in bytes, that the transforms need.

    ``channels``, ``seg_channels``: before the transforms. In a cascade, the labels of the previous stage become further
    channels of the network's input, which needs a copy of the batch.
    """
    read = math.prod(initial) * (FLOAT_BYTES * channels + LABEL_BYTES * seg_channels)
    made = math.prod(patch) * (FLOAT_BYTES * channels + LABEL_BYTES * seg_channels * ALL_RESOLUTIONS)
    working = math.prod(patch) * FLOAT_BYTES * WORKING_CHANNELS
    if seg_channels > 1:
        working = math.prod(patch) * (FLOAT_BYTES * batch_size * channels + SPECTRAL_BYTES)
    return int(batch_size * (FEEDS * read + BATCHES * made) + max(working, resampling_bytes))


def shortage(needed: int, device: Any) -> Message | None:
    """Return why transforms should run on the CPU; None if this CUDA device has enough memory."""
    free, _total = torch.cuda.mem_get_info(device)
    return _shortage(needed, free)


def _shortage(needed: int, free: int) -> Message | None:
    if needed <= MOST_SHARE * free:
        return None
    return WOULD_TAKE(needed=needed, free=free)
