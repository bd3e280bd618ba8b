"""The recording's clock, how often the recorder reads, and how long it continues after the training."""

from __future__ import annotations

import time

TICK_S = 1.0
# After the end of the training: late log lines, exit codes of workers, ends of orphans.
LINGER_S = 2.5
# After an end with exit code 0, nothing but the last lines of the console is missing: they take two readings.
QUICK_TICK_S = 0.25
QUICK_LINGER_S = 0.45


class RunClock:
    """The start of a recording on three clocks, read at the same moment. ``t_s`` uses the one that never jumps."""

    def __init__(self) -> None:
        self.zero_mono_s = time.monotonic()
        self.zero_wall_s = time.time()
        self.zero_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)

    def t_s(self) -> float:
        """Return seconds since the recording started."""
        return time.monotonic() - self.zero_mono_s
