"""Counter-based random numbers: what is drawn for a sample depends on where it stands, not on when it was drawn."""

from __future__ import annotations

import numpy as np

_WORD = (1 << 64) - 1


def generator(seed: int, stream: int, step: int, slot: int, attempt: int = 0) -> np.random.Generator:
    """The random numbers of one sample.

    Philox turns (key, counter) into numbers without a history: the key is (seed, stream), and step, slot and attempt
    stand in the high words of the counter, so that no two samples share a number.

    Units:   ``stream`` tells apart what shares a seed: ranks, training and validation; ``attempt`` counts
             replacements of a case that cannot be read.
    Source:  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """
    key = np.array([seed & _WORD, stream & _WORD], dtype=np.uint64)
    counter = np.array([0, attempt, slot, step], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
