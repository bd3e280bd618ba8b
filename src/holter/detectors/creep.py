"""Steady growth: memory of the run, or epoch time."""

from __future__ import annotations

from collections import deque
from itertools import combinations, pairwise
from statistics import median

from holter.detectors.view import Epochs, EpochTimes, OpenEpisodes
from holter.records import Episode, EpochEnded, Tick
from holter.sentences import define

# One point per minute; the growth must show in each third of this many minutes (caches fill in the first ten).
POINTS = 30
POINT_EVERY_S = 60.0
WARM_UP_S = 600.0
# Growth that matters: a tenth of the limit within the window, or a limit reached within a day.
GROWTH_RATIO = 0.1
FULL_WITHIN_S = 24 * 3600.0
# Epochs: each third of the last dozen slower than the one before, and 20 % in total.
EPOCHS = 12
EPOCH_GROWTH = 1.2
# Thirds rise by chance, too: at 10 % of scatter 5.6 times in 1000 healthy epochs (simulated). So of all pairs of the
# dozen, in nine of ten the later one must be slower (Kendall's tau 0.8): 0.01 times, and at most 0.03 at any scatter.
RISING_PAIRS_PART = 0.9
# An episode is open as long as a quarter of that growth is left. Were it to end at the first noisy epoch, the next one
# would open it again: growth of 4 % an epoch, with 5 % of scatter, had up to seven alarms.
STILL_GROWS_PART = 0.25

MEMORY = define(
    "episode.memory-grows", "memory of the run grows by {hourly:bytes} an hour; full in {left:duration} at this rate"
)
EPOCHS_GROW = define("episode.epochs-grow", "epochs grow from {first:.1f} s to {last:.1f} s over the last {epochs}")


class CreepDetector:
    """Marks steady growth: at most one open episode about memory, and one about the time of an epoch."""

    name = "creep"

    def __init__(self) -> None:
        self._memory: deque[tuple[float, float]] = deque(maxlen=POINTS)
        self._minute: list[float] = []
        self._epochs: deque[Epochs] = deque(maxlen=EPOCHS)
        self._times = EpochTimes()
        self._open = OpenEpisodes(self.name, "creep")
        self._began_s: float | None = None

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        changed: list[Episode] = []
        for event in tick.events:
            if isinstance(event, EpochEnded) and event.duration_s is not None:
                changed += self._see_epoch(event.duration_s, tick)
        if tick.processes:
            changed += self._see_memory(tick)
        return tuple(changed)

    def _see_memory(self, tick: Tick) -> tuple[Episode, ...]:
        sizes = [process.rss_bytes for process in tick.processes if process.rss_bytes is not None]
        if self._began_s is None:
            self._began_s = tick.t_s
        if len(sizes) < len(tick.processes) or tick.t_s < self._began_s + WARM_UP_S:
            return ()
        self._minute.append(float(sum(sizes)))
        if self._memory and tick.t_s - self._memory[-1][0] < POINT_EVERY_S:
            return ()
        self._memory.append((tick.t_s, median(self._minute)))
        self._minute.clear()
        return self._judge_memory(tick)

    def _judge_memory(self, tick: Tick) -> tuple[Episode, ...]:
        if len(self._memory) < POINTS:
            return ()
        sizes = [size for _, size in self._memory]
        limit = _room_bytes(tick)
        first, second, third = _thirds(sizes)
        grown = third - first
        rising = first < second < third and limit is not None
        per_s = grown / (self._memory[-1][0] - self._memory[0][0]) * 1.5  # middles of the thirds: 2/3 of the window
        left_s = (limit - sizes[-1]) / per_s if rising and limit is not None and per_s > 0 else None
        noise = max(abs(a - b) for a, b in pairwise(sizes))
        matters = left_s is not None and (left_s < FULL_WITHIN_S or grown >= GROWTH_RATIO * (limit or 0))
        if left_s is None or not matters or grown <= 2 * noise:
            return self._open.end(tick.t_s, "memory")
        reason = MEMORY(hourly=per_s * 3600, left=left_s)
        return self._open.begin(tick, self._memory[0][0], reason, "memory", pid=None)

    def _see_epoch(self, duration_s: float, tick: Tick) -> tuple[Episode, ...]:
        point = self._times.add(duration_s)
        if point is None:
            return ()
        self._epochs.append(point)
        return self._judge_epochs(tick)

    def _judge_epochs(self, tick: Tick) -> tuple[Episode, ...]:
        if len(self._epochs) < EPOCHS:
            return ()
        usual = [epochs.usual_s for epochs in self._epochs]
        first, second, third = _thirds(usual)
        if "epoch time" in self._open:
            still_grows = third > first * (1 + (EPOCH_GROWTH - 1) * STILL_GROWS_PART)
            return () if still_grows else self._open.end(tick.t_s, "epoch time")
        rising = [before < after for before, after in combinations(usual, 2)]
        is_steady = first < second < third and sum(rising) >= RISING_PAIRS_PART * len(rising)
        if not (is_steady and third >= EPOCH_GROWTH * first):
            return ()
        number, lasted_s = (sum(each) for each in zip(*self._epochs, strict=True))
        reason = EPOCHS_GROW(first=first, last=third, epochs=number)
        return self._open.begin(tick, tick.t_s - lasted_s, reason, "epoch time", pid=None)


def _thirds(values: list[float]) -> tuple[float, float, float]:
    size = len(values) // 3
    return median(values[:size]), median(values[size : 2 * size]), median(values[-size:])


# The most memory that the run can use: the cgroup limit or the machine's memory.
def _room_bytes(tick: Tick) -> float | None:
    limits = [
        limit
        for limit in (
            tick.cgroup.memory_limit_bytes if tick.cgroup else None,
            tick.host.memory_total_bytes if tick.host else None,
        )
        if limit is not None
    ]
    return float(min(limits)) if limits else None
