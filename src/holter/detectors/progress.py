"""Time of the last progress and usual length of a step, learned from the run itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from holter.detectors.view import GAP_S, STOPPED
from holter.evidence.words import WORKING_CPU_RATIO, is_in_freezer, waits_for_storage
from holter.history.ranks import main_beat, working
from holter.records import ActionTaken, Beat, EpochEnded, LogLine, PhaseChanged, ProcessSample, Tick

# Number of step lengths kept: long enough for one bimodal augmentation cycle, short enough to adapt.
REMEMBERED_STEPS = 60
# In these phases no step runs: a plot, a checkpoint, code of a custom trainer.
BETWEEN_STEPS = ("epoch-end", "checkpoint")

# They only say something; the training goes on.
WORDS_ONLY = ("announce-restart", "leave-alone", "wait")
# Storage that holds the end of an epoch so many times, and lets it go again, is always slow: the shortest is its usual.
USUAL_TIMES = 3


class HeldTime:
    """Adds up the seconds of a recording in which a main process was held, or which were not recorded."""

    def __init__(self) -> None:
        self.stopped_s = 0.0  # by a signal, a debugger, a cgroup freezer; and gaps
        self.blocked_s = 0.0  # by storage that did not answer
        self._last_s: float | None = None
        self._mains: tuple[ProcessSample, ...] = ()  # as last read

    def see(self, tick: Tick) -> None:
        """Add a tick: the time since the one before counts by what this one shows."""
        passed_s = 0.0 if self._last_s is None else max(0.0, tick.t_s - self._last_s)
        self._last_s = tick.t_s
        if tick.processes:
            self._mains = tuple(process for process in tick.processes if process.role == "main")
        if passed_s > max(GAP_S, 2 * tick.span_s) or any(map(_is_stopped, self._mains)):
            self.stopped_s += passed_s
        elif any(process.state == "D" or waits_for_storage(process) for process in self._mains):
            self.blocked_s += passed_s


def has_own_action(tick: Tick) -> bool:
    """Return whether Holter did something to the training: what follows may take its time because of that."""
    # Of a checkpoint that nnU-Net itself writes between two steps the hook reports that it was verified.
    harmless = (*WORDS_ONLY, "save-checkpoint") if are_between_steps(tick.beats) else WORDS_ONLY
    return any(
        isinstance(event, ActionTaken) and event.state != "proposed" and event.action not in harmless
        for event in tick.events
    )


# Below strace a process that works is in state t most of the time.
def _is_stopped(process: ProcessSample) -> bool:
    rests = (process.cpu_ratio or 0.0) < WORKING_CPU_RATIO
    return is_in_freezer(process) or (process.state in STOPPED and rests)


class _Stretch(NamedTuple):
    """A time between two steps, as far as it was seen."""

    place: tuple[str, int | None, int]
    began_s: float
    was_stopped_s: float  # of all time until its beginning
    was_blocked_s: float
    lasted_s: float = 0.0  # without the time in which the training was held
    blocked_s: float = 0.0  # by storage


class ProgressKeeper:
    """Time of the last progress and lengths of the recent steps.

    Nothing is learned from a time in which the training was held, or in which Holter did something to it.
    """

    def __init__(self) -> None:
        self.at_s: float | None = None
        self.total = -1
        self.steps: deque[float] = deque(maxlen=REMEMBERED_STEPS)  # seconds per step, without standstills
        self.has_beat = False
        self.has_moved = False  # log or heartbeat reported progress at least once
        self.longest_between_s = 0.0  # longest time without progress between two steps, of those that ended
        self._between: _Stretch | None = None
        self._blocked: deque[float] = deque(maxlen=USUAL_TIMES)  # by storage, of the last stretches
        self._held = HeldTime()
        self._stopped_s = 0.0  # of all time until the last progress
        self._is_disturbed = False  # by Holter or a standstill, since the last progress
        self._steps_seen = 0
        self._place: tuple[int, str, int | None] | None = None

    def see(self, tick: Tick) -> bool:
        """Add a tick; return True if the training made progress."""
        self._held.see(tick)
        self._is_disturbed = self._is_disturbed or has_own_action(tick)
        beat = main_beat(tick)
        if beat is not None:
            self.has_beat = True
            self._learn_between(beat, tick.t_s)
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
            self.at_s = tick.t_s  # first tick of a run that started before the recording
        return bool(moved)

    def disturb(self) -> None:
        """Learn nothing from the present step: the training stands still in it."""
        self._is_disturbed = True

    def unlearn(self) -> None:
        """Remove the last step from the recent ones, because it contained a standstill."""
        if self.steps:
            self.steps.pop()

    def forgive(self, t_s: float) -> None:
        """Count the time without progress only from ``t_s`` on: before, the training was paused or in another phase."""
        self.at_s = t_s
        self._stopped_s = self._held.stopped_s
        self._between = None

    @property
    def longest_step_s(self) -> float | None:
        """Longest of the recent steps in seconds; None before ``ENOUGH_STEPS`` steps."""
        return max(self.steps, default=None) if self._steps_seen >= ENOUGH_STEPS else None

    def _learn_between(self, beat: Beat, t_s: float) -> None:
        place = (beat.phase, beat.epoch, beat.progress_total) if is_between_steps(beat) else None
        held, before = self._held, self._between
        if before is not None and place == before.place:
            blocked_s = held.blocked_s - before.was_blocked_s
            lasted_s = t_s - before.began_s - blocked_s - (held.stopped_s - before.was_stopped_s)
            self._between = before._replace(lasted_s=lasted_s, blocked_s=blocked_s)
            return
        self._between = None if place is None else _Stretch(place, t_s, held.stopped_s, held.blocked_s)
        if before is None or self._is_disturbed:
            return
        self._blocked.append(before.blocked_s)
        usual_s = min(self._blocked) if len(self._blocked) == USUAL_TIMES else 0.0
        self.longest_between_s = max(self.longest_between_s, before.lasted_s + usual_s)

    def _see_beat(self, beat: Beat, t_s: float) -> bool:
        total, place = beat.progress_total, (beat.pid, beat.phase, beat.epoch)
        if total == self.total:
            if place != self._place:  # nnU-Net up to 2.5 unpacks in its start-up, which is then no step either
                self._place = None
            return False
        moment = beat.progressed_s if beat.progressed_s is not None else t_s
        # Start-up, the end of an epoch and a restart take longer than any step and do not predict the next one.
        if self.at_s is not None and place == self._place and self.total < total and not self._is_disturbed:
            stopped_s = self._held.stopped_s - self._stopped_s
            self.steps.append(max(0.0, moment - self.at_s - stopped_s) / (total - self.total))
            self._steps_seen += total - self.total
        self.total, self._place, self.at_s = total, place, moment
        self._stopped_s, self._is_disturbed = self._held.stopped_s, False
        self.has_moved = self.has_moved or total > 0
        return True


# Below this the first steps (memory allocation, cudnn.benchmark) would set the limits.
ENOUGH_STEPS = 8


def is_between_steps(beat: Beat) -> bool:
    """Return whether nnU-Net runs no step and waits for no batch: there a custom trainer may do what it wants."""
    return beat.waits_for == "none" and beat.phase in BETWEEN_STEPS


def are_between_steps(beats: Iterable[Beat]) -> bool:
    """Return whether the ranks that are behind are between two steps. Those ahead of them wait for them."""
    ranks = working(beats)
    behind = min((_epoch(beat) for beat in ranks), default=None)
    return bool(ranks) and all(is_between_steps(beat) for beat in ranks if _epoch(beat) == behind)


def _epoch(beat: Beat) -> int:
    return -1 if beat.epoch is None else beat.epoch
