"""Decide which samples of a batch must contain foreground, on one GPU and on several."""

from __future__ import annotations

import numpy as np

from holter.errors import BadInput
from holter.loader.records import Sampling


def is_forced(sampling: Sampling, slot: int, rng: np.random.Generator) -> bool:
    """Return whether the sample in this slot must contain foreground.

    As in nnU-Net these are the last samples of a batch, or with ``probabilistic_oversampling`` each one by chance.

    Source:  nnunetv2 2.8.1 nnUNetDataLoader._oversample_last_XX_percent, _probabilistic_oversampling.
    """
    if sampling.probabilistic_oversampling:
        return bool(rng.uniform() < sampling.oversample_foreground_percent)
    # Python's round() rounds half to even; nnU-Net uses it too.
    return not slot < round(sampling.batch_size * (1 - sampling.oversample_foreground_percent))


def share_of_rank(global_batch_size: int, percent: float, rank: int, world_size: int) -> tuple[int, float]:
    """Return batch size and oversampling of one of several GPUs, so that all together draw as one GPU would.

    Raises:  BadInput if there are more GPUs than samples.
    Source:  nnunetv2 2.8.1 nnUNetTrainer._set_batch_size_and_oversample.
    """
    if global_batch_size < world_size:
        raise BadInput(f"a batch of {global_batch_size} cannot be shared by {world_size} GPUs")
    each, left = divmod(global_batch_size, world_size)
    sizes = [each + 1 if number < left else each for number in range(world_size)]
    low, high = sum(sizes[:rank]), sum(sizes[: rank + 1])
    if high / global_batch_size < 1 - percent:
        return sizes[rank], 0.0
    if low / global_batch_size > 1 - percent:
        return sizes[rank], 1.0
    first_forced = round(global_batch_size * (1 - percent))
    return sizes[rank], sum(slot >= first_forced for slot in range(low, high)) / sizes[rank]
