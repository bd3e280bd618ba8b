"""The same work takes longer than before: a change point in step time, or in the epoch times of the log."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from holter.detectors.view import GAP_S, TRAINING, OpenEpisodes, is_paused
from holter.history.ranks import main_beat
from holter.records import Episode, EpochEnded, Tick
from holter.sentences import define

# (times as slow, for this many seconds): a small change needs long to be certain, a collapse shows in 15 s.
TIERS = ((3.0, 15.0), (1.5, 60.0), (1.1, 180.0))
# Steps needed for a baseline; fewer are dominated by page cache and cudnn.benchmark.
BASELINE_STEPS = 20
# A single slow step is no slow-down.
ENOUGH_STEPS = 3
# The last step must have ended within this part of the time that a tier looks at.
STILL_COME_PART = 0.5
# Entries of the baseline: the past hour, one per tick.
BASELINE_ENTRIES = 3600
# The recent median must also exceed this quantile of the baseline; below, it is the run's usual scatter.
SCATTER_QUANTILE = 0.9
# An episode ends when steps return to a quarter of the way from the baseline to the tier.
RECOVERED_PART = 0.25
# Epochs: at least this many before and after, and this much slower.
EPOCHS_BEFORE = 4
EPOCHS_AFTER = 3
EPOCH_TIMES = 1.1
# Each of the last ones also lies this many standard deviations above the usual, on a scale of logarithms: of many
# epochs that scatter, three in a row are above nine of ten others by chance. Simulated with 300 epochs that scatter by
# 10 % or 20 %: 0.9 alarms without this, 0.03 with it.
EPOCH_DEVIATIONS = 2.0
# Of few epochs the deviation is not well known.
FEW_EPOCHS = 20
FEW_DEVIATIONS = 6.0
DEVIATION_OF_MEDIAN = 1.4826  # standard deviation of a normal distribution, in its median absolute deviations

SLOW_STEPS = define("episode.slow-steps", "a step takes {now:.2f} s instead of {usual:.2f} s")
SLOW_EPOCHS = define("episode.slow-epochs", "the last {epochs} epochs took {now:.1f} s instead of {usual:.1f} s")


class SlowDownDetector:
    """Opens an episode while training steps take longer than before in this run; without a heartbeat: epochs."""

    name = "slow-down"

    def __init__(self) -> None:
        self._baseline: deque[float] = deque(maxlen=BASELINE_ENTRIES)
        self._recent: deque[tuple[float, float, float]] = deque()  # (t, seconds per step, steps)
        self._before: tuple[float, int, float, int | None] | None = None  # t, steps, spent, pid
        self._baseline_steps = 0.0
        self._epochs: list[float] = []
        self._open = OpenEpisodes(self.name, "slow-down")
        self._tier = TIERS[0][0]

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        epochs = [event for event in tick.events if isinstance(event, EpochEnded)]
        beat = main_beat(tick)
        if beat is None:
            return self._see_epochs(epochs, tick)
        if beat.phase != "train" or is_paused(tick):
            self._before = None  # validation steps are not comparable
            return self._close(tick.t_s) if beat.phase in ("final-validation", "shutdown") else ()
        self._measure(tick)
        return self._judge(tick)

    # Seconds per step since the last tick. A step that does not end is left to the stall detector.
    def _measure(self, tick: Tick) -> None:
        beat = main_beat(tick)
        assert beat is not None
        spent = beat.data_wait_s_total + beat.compute_s_total
        before, self._before = self._before, (tick.t_s, beat.steps_total, spent, beat.pid)
        if before is None or before[3] != beat.pid or tick.t_s - before[0] > GAP_S:
            self._recent.clear()
            return
        steps = beat.steps_total - before[1]
        if steps > 0:
            self._add(tick.t_s, (spent - before[2]) / steps, steps)

    def _add(self, t_s: float, seconds: float, steps: float) -> None:
        self._recent.append((t_s, seconds, steps))
        while self._recent and self._recent[0][0] < t_s - TIERS[-1][1]:
            aged = self._recent.popleft()
            self._learn(aged)
        if self._baseline_steps < BASELINE_STEPS:
            while self._recent:
                self._learn(self._recent.popleft())

    def _learn(self, entry: tuple[float, float, float]) -> None:
        if TRAINING not in self._open:
            self._baseline.append(entry[1])
            self._baseline_steps += entry[2]

    def _judge(self, tick: Tick) -> tuple[Episode, ...]:
        if self._baseline_steps < BASELINE_STEPS or not self._recent:
            return ()
        usual = median(self._baseline)
        if TRAINING in self._open:
            recent = [seconds for t_s, seconds, _ in self._recent if t_s > tick.t_s - TIERS[0][1]]
            limit = max(self._scatter(), usual * (1 + (self._tier - 1) * RECOVERED_PART))
            return self._close(tick.t_s) if recent and median(recent) <= limit else ()
        for times, for_s in TIERS:
            if self._recent[0][0] > tick.t_s - for_s + 1.5:
                continue
            window = [entry for entry in self._recent if entry[0] > tick.t_s - for_s]
            if sum(steps for _, _, steps in window) < ENOUGH_STEPS:
                continue
            if window[-1][0] < tick.t_s - STILL_COME_PART * for_s:
                continue  # a few slow steps, and none since: a standstill, for the stall detector
            slow = median(seconds for _, seconds, _ in window)
            if slow >= times * usual and slow > self._scatter():
                self._tier = times
                return self._open.begin(tick, window[0][0], SLOW_STEPS(now=slow, usual=usual))
        return ()

    def _close(self, t_s: float) -> tuple[Episode, ...]:
        if TRAINING in self._open:
            self._recent.clear()  # the slow steps of this episode must not raise another one
        return self._open.end(t_s)

    def _scatter(self) -> float:
        ordered = sorted(self._baseline)
        return ordered[int(SCATTER_QUANTILE * (len(ordered) - 1))]

    def _see_epochs(self, epochs: list[EpochEnded], tick: Tick) -> tuple[Episode, ...]:
        for event in epochs:
            if event.duration_s is not None:
                self._epochs.append(event.duration_s)
        if not epochs or len(self._epochs) < EPOCHS_BEFORE + EPOCHS_AFTER:
            return ()
        before, after = self._epochs[1:-EPOCHS_AFTER] or self._epochs[:1], self._epochs[-EPOCHS_AFTER:]
        usual, slow = median(before), median(after)
        if TRAINING in self._open:
            return self._close(tick.t_s) if slow <= usual * (1 + (EPOCH_TIMES - 1) * RECOVERED_PART) else ()
        if min(after) < EPOCH_TIMES * usual or min(after) <= sorted(before)[int(0.9 * (len(before) - 1))]:
            return ()
        if min(after) < usual * _scatter_of_epochs(before):
            return ()
        reason = SLOW_EPOCHS(epochs=EPOCHS_AFTER, now=slow, usual=usual)
        return self._open.begin(tick, epochs[-1].t_s - sum(after), reason, phase="train")


# Times the usual epoch, up to which a single one is scatter.
def _scatter_of_epochs(epochs: list[float]) -> float:
    logarithms = [math.log(duration_s) for duration_s in epochs if duration_s > 0]
    if not logarithms:
        return 1.0
    middle = median(logarithms)
    deviation = DEVIATION_OF_MEDIAN * median(abs(value - middle) for value in logarithms)
    return math.exp((EPOCH_DEVIATIONS if len(logarithms) >= FEW_EPOCHS else FEW_DEVIATIONS) * deviation)
