"""The recording's clock: seconds since its start, without jumps, and its offset to other clocks."""

from __future__ import annotations

import time


class RunClock:
    """Zero points of one recording on three clocks, taken at the same moment."""

    def __init__(self) -> None:
        self.zero_mono_s = time.monotonic()
        self.zero_wall_s = time.time()
        self.zero_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)

    def t_s(self) -> float:
        """Return seconds since the recording started."""
        return time.monotonic() - self.zero_mono_s
