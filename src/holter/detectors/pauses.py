"""Repeated pauses of some seconds: each is too short to be a stall, but together they cost time.

Pauses in which the data workers compute are starvation, which has its own detector.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import NamedTuple

from holter.detectors.view import GAP_S, TRAINING, OpenEpisodes, is_paused
from holter.evidence.words import WORKING_CPU_RATIO
from holter.history.ranks import main_beat
from holter.records import DATA_WORKERS, Beat, Episode, Tick
from holter.sentences import define

# A step this much longer than the usual one, and at least this long, is a pause. nnU-Net's batches come unevenly, one
# in three costs twenty times as much as the others, but with a dozen of them in progress that is less than a second.
PAUSE_S, PAUSE_TIMES = 4.0, 8.0
# This many pauses within this time, and this share of it lost: a healthy run has single ones (a cold cache).
PAUSES, WITHIN_S, LOST_PART = 4, 240.0, 0.25
# If workers compute in more of the pause than this, it is starvation.
AT_WORK_PART = 0.5
# The episode ends after this much training time without a pause; time in validation does not count.
OVER_S = 120.0
# Steps needed for a usual length, and steps kept.
ENOUGH_STEPS, KEPT_STEPS = 20, 200

REASON = define(
    "pauses.reason",
    "{count} pauses of {each:duration} in {span:duration}: {part:percent} % of the time; a step takes {usual:.2f} s",
)


class _Pause(NamedTuple):
    start_s: float
    end_s: float


class PausesDetector:
    """Marks pauses that repeat as one episode; only in the training phase."""

    name = "pauses"

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=KEPT_STEPS)
        self._pauses: deque[_Pause] = deque()
        self._before: Beat | None = None
        self._last_s: float | None = None
        self._calm_s = 0.0  # training time since the last pause
        self._looks: list[bool] = []  # per tick since the last progress: whether data workers computed
        self._open = OpenEpisodes(self.name, "slow-down")

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        beat = main_beat(tick)
        passed_s = 0.0 if self._last_s is None else tick.t_s - self._last_s
        gap = passed_s > GAP_S
        self._last_s = tick.t_s
        if beat is None or beat.phase != "train" or beat.progressed_s is None or gap or is_paused(tick):
            self._before, self._looks = None, []
            ends = beat is not None and beat.phase in ("final-validation", "shutdown")
            return self._close(tick.t_s) if ends else ()
        self._calm_s += passed_s
        before = self._before
        if before is None or (before.pid, before.epoch) != (beat.pid, beat.epoch):
            self._before, self._looks = beat, []
            return self._over(tick.t_s)
        if beat.progress_total > before.progress_total:
            self._moved(before, beat)
            self._before, self._looks = beat, []
        else:
            self._looks.append(_are_at_work(tick))
        return self._judge(tick)

    def _moved(self, before: Beat, beat: Beat) -> None:
        assert beat.progressed_s is not None
        assert before.progressed_s is not None
        steps = beat.progress_total - before.progress_total
        took_s = max(0.0, beat.progressed_s - before.progressed_s)
        usual_s = median(self._steps) if len(self._steps) >= ENOUGH_STEPS else None
        pause_s = took_s - (steps - 1) * (usual_s or took_s / steps)
        if usual_s is not None and pause_s >= max(PAUSE_S, PAUSE_TIMES * usual_s):
            if sum(self._looks) <= AT_WORK_PART * len(self._looks):
                self._pauses.append(_Pause(beat.progressed_s - pause_s, beat.progressed_s))
                self._calm_s = 0.0
            return
        self._steps.extend([took_s / steps] * min(steps, KEPT_STEPS))

    def _judge(self, tick: Tick) -> tuple[Episode, ...]:
        while self._pauses and self._pauses[0].end_s < tick.t_s - WITHIN_S:
            self._pauses.popleft()
        if TRAINING in self._open:
            return self._over(tick.t_s)
        if len(self._pauses) < PAUSES:
            return ()
        start_s, lost_s = self._pauses[0].start_s, sum(pause.end_s - pause.start_s for pause in self._pauses)
        span_s = tick.t_s - start_s
        if lost_s < LOST_PART * span_s:
            return ()
        each_s = median(pause.end_s - pause.start_s for pause in self._pauses)
        reason = REASON(
            count=len(self._pauses), each=each_s, span=span_s, part=lost_s / span_s, usual=median(self._steps)
        )
        return self._open.begin(tick, start_s, reason)

    def _over(self, t_s: float) -> tuple[Episode, ...]:
        return self._close(t_s) if self._calm_s >= OVER_S else ()

    def _close(self, t_s: float) -> tuple[Episode, ...]:
        if TRAINING in self._open:
            self._pauses.clear()
        return self._open.end(t_s)


def _are_at_work(tick: Tick) -> bool:
    return any(
        process.role in DATA_WORKERS and (process.cpu_ratio or 0.0) >= WORKING_CPU_RATIO for process in tick.processes
    )
