"""What the GPUs of a run have used, added up while it is recorded, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable

from holter.records import Tick

# A longer gap between two readings is not filled: the machine slept, or nobody read.
LONGEST_S = 60.0
J_PER_KWH = 3.6e6


class Energy:
    """The energy of all GPUs that the training may use, from their power. ``kwh``: None until a driver tells it."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._joules: float | None = None
        self.gpus: int | None = None  # the most that were seen; None: nobody looked yet

    @property
    def kwh(self) -> float | None:
        """Energy so far, in kilowatt-hours."""
        return None if self._joules is None else self._joules / J_PER_KWH

    def see(self, ticks: Iterable[Tick]) -> None:
        """Add the power readings of these ticks. Ticks that an earlier call has added already are skipped."""
        for tick in ticks:
            if self._last_s is not None and tick.t_s <= self._last_s:
                continue
            there = sum(gpu.source != "none" for gpu in tick.gpus)
            if tick.gpus:
                self.gpus = max(self.gpus or 0, there)
            watts = [gpu.power_w for gpu in tick.gpus if gpu.power_w is not None]
            if watts:
                span_s = 0.0 if self._last_s is None else min(LONGEST_S, tick.t_s - self._last_s)
                self._joules = (self._joules or 0.0) + sum(watts) * span_s
            self._last_s = tick.t_s
