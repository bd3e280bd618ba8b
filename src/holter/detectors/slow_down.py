"""The same work takes longer than before: a change point in step time, or in the epoch times of the log."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import NamedTuple

from holter.detectors.view import GAP_S, TRAINING, Epochs, EpochTimes, OpenEpisodes, is_paused
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
# Epochs, or minutes of short ones: this much slower.
EPOCH_TIMES = 1.1
# An episode of slow epochs ends with the median of the last three.
EPOCHS_AGAIN = 3
# Each of the last ones also lies this many standard deviations above the usual, on a scale of logarithms: of many
# epochs that scatter, three in a row are above nine of ten others by chance. Simulated with 300 epochs that scatter by
# 10 % or 20 %: 0.9 alarms without this, 0.03 with it.
EPOCH_DEVIATIONS = 2.0
# Of few epochs the deviation is not well known: three in a row must be further away.
FEW_EPOCHS = 20
FEW_DEVIATIONS = 6.0
DEVIATION_OF_MEDIAN = 1.4826  # standard deviation of a normal distribution, in its median absolute deviations

SLOW_STEPS = define("episode.slow-steps", "a step takes {now:.2f} s instead of {usual:.2f} s")
SLOW_EPOCHS = define("episode.slow-epochs", "the last {epochs} epochs took {now:.1f} s instead of {usual:.1f} s")


class _Rule(NamedTuple):
    slow: int  # so many slow epochs in a row, the last ones
    before: int  # after at least so many usual ones, without the first of all
    since: int  # the change may be so many epochs ago: those between it and the slow ones are no longer the usual
    few_deviations: float


# Three are enough where they are far away. Six are enough at any time: without them, a training of 20 epochs whose last
# eight are 30 % slower had no alarm, and later on the slow ones were the usual ones.
RULES = (_Rule(3, 4, 3, FEW_DEVIATIONS), _Rule(6, 8, 12, EPOCH_DEVIATIONS))


class SlowDownDetector:
    """Opens an episode while training steps take longer than before in this run; without a heartbeat: epochs."""

    name = "slow-down"

    def __init__(self) -> None:
        self._baseline: deque[float] = deque(maxlen=BASELINE_ENTRIES)
        self._recent: deque[tuple[float, float, float]] = deque()  # (t, seconds per step, steps)
        self._before: tuple[float, int, float, int | None] | None = None  # t, steps, spent, pid
        self._baseline_steps = 0.0
        self._epochs: list[Epochs] = []
        self._times = EpochTimes()
        self._usual_epoch_s: float | None = None  # before the open episode of slow epochs
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
            self._usual_epoch_s = None
        return self._open.end(t_s)

    def _scatter(self) -> float:
        ordered = sorted(self._baseline)
        return ordered[int(SCATTER_QUANTILE * (len(ordered) - 1))]

    def _see_epochs(self, epochs: list[EpochEnded], tick: Tick) -> tuple[Episode, ...]:
        ended_s: float | None = None
        for event in epochs:
            point = self._times.add(event.duration_s) if event.duration_s is not None else None
            if point is not None:
                self._epochs.append(point)
                ended_s = event.t_s
        if ended_s is None:
            return ()
        if TRAINING in self._open:
            return self._close(tick.t_s) if self._is_usual_again() else ()
        slow, usual_s = self._slow_epochs()
        if not slow:
            return ()
        number, lasted_s = (sum(each) for each in zip(*slow, strict=True))
        now_s = median(epochs.usual_s for epochs in slow)
        reason = SLOW_EPOCHS(epochs=number, now=now_s, usual=usual_s)
        self._usual_epoch_s = usual_s
        return self._open.begin(tick, ended_s - lasted_s, reason, phase="train")

    def _is_usual_again(self) -> bool:
        usual_s = self._usual_epoch_s
        if usual_s is None:  # an episode of slow steps, whose heartbeat is gone
            before = self._epochs[1:-EPOCHS_AGAIN]
            if len(before) < RULES[0].before:
                return False
            usual_s = median(epochs.usual_s for epochs in before)
        now_s = median(epochs.usual_s for epochs in self._epochs[-EPOCHS_AGAIN:])
        return now_s <= usual_s * (1 + (EPOCH_TIMES - 1) * RECOVERED_PART)

    # The last epochs if they are slow, and the time of a usual one. The first epoch of all is not usual.
    def _slow_epochs(self) -> tuple[list[Epochs], float]:
        times = [epochs.usual_s for epochs in self._epochs]
        for rule in RULES:
            fastest = min(times[-rule.slow :])
            for since in range(rule.slow, min(rule.since, len(times) - 1 - rule.before) + 1):
                before = times[1:-since]
                if fastest >= EPOCH_TIMES * median(before) and fastest > _scatter_of_epochs(before, rule):
                    return self._epochs[-rule.slow :], median(before)
        return [], 0.0


# Up to this time, a single epoch is scatter.
def _scatter_of_epochs(times: list[float], rule: _Rule) -> float:
    quantile = sorted(times)[int(SCATTER_QUANTILE * (len(times) - 1))]
    logarithms = [math.log(each) for each in times if each > 0]
    if not logarithms:
        return quantile
    middle = median(logarithms)
    deviation = DEVIATION_OF_MEDIAN * median(abs(value - middle) for value in logarithms)
    deviations = EPOCH_DEVIATIONS if len(logarithms) >= FEW_EPOCHS else rule.few_deviations
    return max(quantile, math.exp(middle + deviations * deviation))
