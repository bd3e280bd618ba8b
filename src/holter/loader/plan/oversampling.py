"""Decide which samples of a batch must contain foreground, on one GPU and on several."""

from __future__ import annotations

import numpy as np

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
