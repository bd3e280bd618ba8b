"""Times of a tape on the wall clock, also after the machine has slept or its clock was set."""

from __future__ import annotations

# A reader is this late at most: rows are committed every two seconds, and read every fifteen.
LATE_S = 30.0


class WallTime:
    """Converts ``t_s`` of one recording. The recording's clock does not run while the machine sleeps."""

    def __init__(self) -> None:
        self.zero_s: float | None = None  # the moment of ``t_s`` = 0
        self.started_s: float | None = None
        self._newest_s: float | None = None

    def begin(self, began_s: float | None) -> None:
        """Set the start of the recording, as Unix time; only the first one that is known counts."""
        if self.started_s is None:
            self.started_s = self.zero_s = began_s

    def see(self, t_s: float, now_s: float) -> None:
        """Record that the newest reading has this ``t_s`` while the wall clock shows ``now_s`` (Unix time).

        If they do not fit together, because the machine has slept or its clock was set, later times are corrected.
        """
        is_fresh = self._newest_s is not None and t_s > self._newest_s
        self._newest_s = t_s if self._newest_s is None else max(t_s, self._newest_s)
        if is_fresh and self.zero_s is not None and not 0.0 <= now_s - (self.zero_s + t_s) <= LATE_S:
            self.zero_s = now_s - t_s

    def at(self, t_s: float | None) -> float | None:
        """Return the Unix time of a moment of the recording; None if unknown."""
        return None if t_s is None or self.zero_s is None else self.zero_s + t_s

    @property
    def newest_s(self) -> float | None:
        """The Unix time of the newest reading."""
        return self.at(self._newest_s)
