"""A time series of any length -> at most a few hundred points, denser around episodes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from holter.records import Episode

# More points than a screen has columns only make the file larger.
MAX_POINTS = 600
# Share of the points for the whole run; the rest is for episodes.
SHARE_OF_WHOLE = 0.6
# An episode's detail starts this long before its start and ends this long after its alarm or end.
MARGIN_S = 60.0
# Only this many episodes get more points; a run with more has the same problem many times.
MAX_EPISODES = 4
# Up to this length one point per second shows everything.
SHORT_RUN_S = float(MAX_POINTS)


class Points(msgspec.Struct, frozen=True):
    """A thinned series: means, and the extremes of points that hold several readings."""

    t_s: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Grid:
    """Edges of the time bins that all series of a report share."""

    def __init__(self, duration_s: float, episodes: Iterable[Episode] = ()) -> None:
        self.duration_s = max(duration_s, 1.0)
        windows = [_window(episode, self.duration_s) for episode in episodes][:MAX_EPISODES]
        close = bool(windows) and self.duration_s > SHORT_RUN_S
        whole = int(MAX_POINTS * SHARE_OF_WHOLE) if close else MAX_POINTS
        edges = set(_even(0.0, self.duration_s, whole))
        if close:
            for start_s, end_s in windows:
                edges.update(_even(start_s, end_s, (MAX_POINTS - whole) // len(windows)))
        self.edges = sorted(edges)[:MAX_POINTS]

    def bin(self, t_s: float) -> int:
        """Return the number of the bin that a time falls into."""
        return max(0, bisect_right(self.edges, t_s) - 1)


class Thinner:
    """Collects one series bin by bin, in one pass and bounded memory."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._bins: dict[int, list[float]] = {}

    def add(self, t_s: float, value: float | None) -> None:
        """Add one reading; None (not readable) is ignored."""
        if value is None:
            return
        totals = self._bins.get(self._grid.bin(t_s))
        if totals is None:
            # count, sum of times, sum of values, lowest, highest
            self._bins[self._grid.bin(t_s)] = [1.0, t_s, value, value, value]
            return
        totals[0] += 1
        totals[1] += t_s
        totals[2] += value
        totals[3] = min(totals[3], value)
        totals[4] = max(totals[4], value)

    def points(self) -> Points:
        """Return the thinned series, oldest first."""
        bins = [self._bins[number] for number in sorted(self._bins)]
        return Points(
            t_s=tuple(totals[1] / totals[0] for totals in bins),
            mean=tuple(totals[2] / totals[0] for totals in bins),
            low=tuple(totals[3] for totals in bins),
            high=tuple(totals[4] for totals in bins),
        )


def _window(episode: Episode, duration_s: float) -> tuple[float, float]:
    last_s = episode.end_s if episode.end_s is not None else episode.alarm_s
    return max(0.0, episode.start_s - MARGIN_S), min(duration_s, last_s + MARGIN_S)


def _even(start_s: float, end_s: float, count: int) -> list[float]:
    step_s = (end_s - start_s) / max(count, 1)
    return [round(start_s + number * step_s, 3) for number in range(count)]
