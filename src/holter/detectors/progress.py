"""When did the training last move on, and how long does a step usually take: learned from the run itself."""

from __future__ import annotations

from collections import deque

from holter.detectors.view import main_beat
from holter.records import Beat, EpochEnded, LogLine, PhaseChanged, Tick

# Steps whose length is remembered: long enough to hold one bimodal augmentation cycle, short enough to forget.
REMEMBERED_STEPS = 60


class ProgressKeeper:
    """Time of the last progress and lengths of the recent steps."""

    def __init__(self) -> None:
        self.at_s: float | None = None
        self.total = -1
        self.steps: deque[float] = deque(maxlen=REMEMBERED_STEPS)  # seconds a step, while something moved
        self.has_beat = False
        self.has_moved = False  # the training's own log, or its heartbeat, told of progress at least once
        self._steps_seen = 0
        self._place: tuple[int, str, int | None] | None = None

    def see(self, tick: Tick) -> bool:
        """Take in a tick; True if the training moved on."""
        beat = main_beat(tick)
        if beat is not None:
            self.has_beat = True
            return self._see_beat(beat, tick.t_s)
        moved = [
            event.t_s
            for event in tick.events
            if isinstance(event, (EpochEnded, PhaseChanged, LogLine))
            and getattr(event, "source", "training-log") == "training-log"
        ]
        if moved:
            self.at_s = max(moved)
            self.has_moved = True
        elif self.at_s is None:
            self.at_s = tick.t_s  # the first look at a run that was there before us
        return bool(moved)

    def unlearn(self) -> None:
        """Forget the last step: it was a standstill, and says nothing of how long a step takes."""
        if self.steps:
            self.steps.pop()

    def forgive(self, t_s: float) -> None:
        """Start the clock again: what went before says nothing (a pause, a new phase)."""
        self.at_s = t_s

    @property
    def longest_step_s(self) -> float | None:
        """Longest of the recent steps, once there are enough to say."""
        return max(self.steps) if self._steps_seen >= ENOUGH_STEPS else None

    def _see_beat(self, beat: Beat, t_s: float) -> bool:
        total, place = beat.progress_total, (beat.pid, beat.phase, beat.epoch)
        if total == self.total:
            return False
        moment = beat.progressed_s if beat.progressed_s is not None else t_s
        # Start-up, the end of an epoch and a restart take longer than any step and say nothing of the next one.
        if self.at_s is not None and place == self._place and self.total < total:
            self.steps.append(max(0.0, moment - self.at_s) / (total - self.total))
            self._steps_seen += total - self.total
        self.total, self._place, self.at_s = total, place, moment
        self.has_moved = self.has_moved or total > 0
        return True


# Below this the first steps (memory allocation, cudnn.benchmark) would set the limits.
ENOUGH_STEPS = 8
