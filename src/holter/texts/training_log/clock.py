"""Time stamps of lines -> the clock of the recording."""

from __future__ import annotations

import datetime

# Two streams of one run may be slightly out of order; beyond this the clock was set back.
BACKWARD_TOLERANCE_S = 2.0


def stamp_wall(stamp: str, utc_offset_s: int | None = None) -> float | None:
    """Unix time of a time stamp; without an offset it is in this machine's time zone. None if it cannot be parsed."""
    try:
        moment = datetime.datetime.fromisoformat(_six_digits(stamp))
    except ValueError:
        return None
    if utc_offset_s is None:
        return moment.timestamp()
    zone = datetime.timezone(datetime.timedelta(seconds=utc_offset_s))
    return moment.replace(tzinfo=zone).timestamp()


def _six_digits(stamp: str) -> str:
    # Python 3.10 reads 3 or 6 digits of a second, no other count.
    whole, dot, fraction = stamp.partition(".")
    return whole + dot + fraction.ljust(6, "0") if dot else whole


class LogClock:
    """Converts the wall-clock stamps of lines to the recording's clock."""

    def __init__(self, wall_zero: float, utc_offset_s: int | None = None) -> None:
        self._wall_zero = wall_zero
        self._utc_offset_s = utc_offset_s
        self.last_s: float | None = None

    def begin(self, wall: float, now_s: float) -> None:
        """Start a new file.

        Lines before its first time stamp get the time ``wall`` (Unix time), but never one after ``now_s``.
        """
        self.last_s = min(wall - self._wall_zero, now_s)

    def place(self, stamp: str | None, now_s: float, *, history: bool) -> float:
        """Return the time of a line in seconds of the recording.

        Without a stamp it is ``now_s``, or for old lines (``history``) the time of the line before. A stamp in the
        future, or far before the previous one, is not used: somebody has set the clock.
        """
        wall = stamp_wall(stamp, self._utc_offset_s) if stamp is not None else None
        fallback = self.last_s if history and self.last_s is not None else now_s
        if wall is None:
            return fallback
        t_s = wall - self._wall_zero
        set_back = self.last_s is not None and t_s < self.last_s - BACKWARD_TOLERANCE_S
        t_s = fallback if set_back else min(t_s, now_s)
        self.last_s = t_s
        return t_s
