"""Summarise ticks in columns: one interval of time for one cell of the screen. Pure.

Columns begin at multiples of their width, so that a screen that follows the time moves by whole cells, and a column
whose interval is over never changes.
"""

from __future__ import annotations

from collections.abc import Iterable

from holter.records import Tick
from holter.reports.html.lanes import STATES, state
from holter.views.model.series import LaneName, Numbers, Rates, lanes_of, states_of

# A roll-up stands for its whole minute; a reading for the time until the next one, if that comes soon.
READING_S = 5.0
# States that show however short they were.
ALWAYS = ("stopped", "dead")
STORAGE, STORAGE_PART = STATES.index("storage"), 1 / 3


def telling(counts: list[int]) -> int:
    """Return the state that summarises many readings, given how often each was seen; -1 without readings.

    A state that does not end by itself has priority; then waiting for storage, if frequent; then the most frequent one.
    """
    seen = sum(counts)
    if not seen:
        return -1
    serious = next((rank for rank in range(len(counts) - 1, -1, -1) if counts[rank] and STATES[rank] in ALWAYS), None)
    if serious is not None:
        return serious
    if counts[STORAGE] >= STORAGE_PART * seen:
        return STORAGE
    return max(range(len(counts)), key=lambda rank: (counts[rank] if rank != STORAGE else 0, rank))


class Column:
    """The states of the lanes and the means of the chart values in one interval."""

    __slots__ = ("_counts", "_ranks", "_sums", "pids")

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}
        self._counts: dict[LaneName, list[int]] = {}  # readings in each state
        self._ranks: dict[LaneName, int] = {}  # those asked for since the last reading: a view asks each second
        self.pids: dict[LaneName, int] = {}

    def add(self, name: str, value: float) -> None:
        """Add one reading of a chart's value to the mean of this column."""
        totals = self._sums.get(name)
        if totals is None:
            self._sums[name] = [1.0, value]
        else:
            totals[0] += 1.0
            totals[1] += value

    def see(self, lane: LaneName, rank: int, pid: int) -> None:
        """Count one reading of this lane's process; ``rank`` is its state, as an index of ``STATES``."""
        self._counts.setdefault(lane, [0] * len(STATES))[rank] += 1
        self._ranks.pop(lane, None)
        self.pids[lane] = pid

    def lanes(self) -> Iterable[LaneName]:
        return self._counts

    def rank(self, lane: LaneName) -> int:
        """Return the state of a lane, as an index of STATES; -1 if it was not seen."""
        rank = self._ranks.get(lane)
        if rank is None:
            counts = self._counts.get(lane)
            rank = self._ranks[lane] = -1 if counts is None else telling(counts)
        return rank

    def mean(self, name: str) -> float | None:
        """Return the mean of a value; None if it was not read."""
        totals = self._sums.get(name)
        return None if totals is None else totals[1] / totals[0]

    def names(self) -> Iterable[str]:
        """Return the names of the chart values that were read."""
        return self._sums


class Columns:
    """The columns of one width, filled tick by tick in order of time.

    ``numbers``: those of the workers of this run, which ``lanes_of`` needs and completes.
    """

    def __init__(self, width_s: float, numbers: Numbers) -> None:
        self.width_s = width_s
        self._numbers = numbers
        self.by_number: dict[int, Column] = {}
        self._rates = Rates()
        self._last_s: float | None = None

    def number(self, t_s: float) -> int:
        """Return the number of the column that a time falls into."""
        return int(t_s // self.width_s)

    def add(self, ticks: Iterable[Tick], first: int = 0) -> None:
        """Add ticks. Of those before column ``first`` only the counters are used, to compute the first rates."""
        for tick in ticks:
            values = (*states_of(tick), *self._rates.of(tick))
            start = self.number(tick.t_s)
            if self.number(tick.t_s + max(tick.span_s, 1e-3) - 1e-3) < first:
                self._last_s = tick.t_s
                continue
            self._one(tick, start, values)

    def _one(self, tick: Tick, start: int, values: tuple[tuple[str, float | None], ...]) -> None:
        beats = {beat.pid: beat for beat in tick.beats}
        lanes = [
            (name, STATES.index(state(process, beats.get(process.pid))), process.pid)
            for name, process in lanes_of(tick, self._numbers).items()
        ]
        # Narrow columns between two readings belong to the earlier state: the later one is not seen before it is read.
        reach_s = tick.span_s if tick.span_s else 0.0
        since = self._last_s
        self._last_s = tick.t_s
        begin = start if since is None or tick.t_s - since > READING_S else min(start, self.number(since) + 1)
        for number in range(begin, self.number(tick.t_s + max(reach_s - 1e-3, 0.0)) + 1):
            column = self.by_number.setdefault(number, Column())
            for name, value in values:
                if value is not None:
                    column.add(name, value)
            for lane, rank, pid in lanes:
                column.see(lane, rank, pid)

    def join(self, other: Columns, *, is_later: bool) -> None:
        """Take over the columns of another interval; if it is the later one, ticks added after this continue it."""
        self.by_number.update(other.by_number)
        if is_later:
            self._rates, self._last_s = other._rates, other._last_s

    def keep(self, first: int, last: int) -> None:
        """Forget all columns outside [first, last]."""
        self.by_number = {number: column for number, column in self.by_number.items() if first <= number <= last}
