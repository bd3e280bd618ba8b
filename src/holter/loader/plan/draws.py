"""Counter-based random numbers: the numbers of a sample depend on its position, not on when they are drawn."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

_WORD = (1 << 64) - 1


class Generators(threading.local):
    """The random generator of each sample; one object serves all samples of a thread.

    Philox computes each number from a key and a counter alone: no earlier draw has an effect. The key is
    (seed, stream); step, slot and attempt are the high words of the counter, so no two samples share a number.

    Source:  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """

    def __init__(self) -> None:
        self._bits = np.random.Philox(key=0)
        self._rng = np.random.Generator(self._bits)
        self._state: Any = np.random.Philox(key=0, counter=0).state

    def at(self, seed: int, stream: int, step: int, slot: int, attempt: int = 0) -> np.random.Generator:
        """Return the generator of one sample, valid until this thread's next call.

        Units:   ``stream`` separates ranks, training and validation that share a seed; ``attempt`` counts
                 replacements of a case that cannot be read.
        """
        self._state["state"]["key"][:] = seed & _WORD, stream & _WORD
        self._state["state"]["counter"][:] = 0, attempt, slot, step
        self._bits.state = self._state
        return self._rng
