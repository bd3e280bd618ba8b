"""What the ticks have shown of the current process of the training, and whether it is time to act on an episode.

Two signs must agree, an episode and a quiet main process; and the hook acts first.
"""

from __future__ import annotations

import math

from holter.causes import stated
from holter.detectors.frozen import FrozenDetector
from holter.detectors.progress import ProgressKeeper
from holter.detectors.view import GAP_S, is_held, usable_cpus
from holter.evidence.facts.training.standing import WAITS_OF_NNUNET
from holter.evidence.words import works_together
from holter.history.ranks import main_beat, working
from holter.records import WORKERS, Diagnosis, Episode, Noted, Tick
from holter.remedies.ladder import OWN_WORKS_AFTER_S
from holter.remedies.which_ladder import known_facts

# A main process is quiet without progress for this long, or for four times its longest step.
QUIET_S = 5.0
TIMES_LONGEST = 4.0
QUIET_BEFORE_STEPS_S = 60.0  # no step has been seen yet
REFUSED = "loader-refused"  # a note of the hook
WORK_PHASES = ("train", "validate", "epoch-end", "final-validation", "shutdown")
# The hook replaces dead workers by itself within seconds; a user may be inspecting a stall without a known cause.
HOOK_FIRST_S = 15.0
# Without a cause, a stalled training is touched only if it waits for another process of nnU-Net: a slow start from a
# network disk, or a user's upload at the end of an epoch, looks the same from outside. Nor while workers compute: a
# giant case takes minutes.
NAMELESS_S = 60.0
# By cause; without any, nothing is waited for.
PATIENCE_S: dict[str, float] = stated("PATIENCE_S")
# Causes that lie in one worker: the training may go on without it, or stand for another reason.
IF_WAITED_FOR = frozenset(stated("IF_WAITED_FOR"))


class TrainingState:
    """The current state, updated with each tick. ``is_own``: the training may be any program, without a heartbeat."""

    def __init__(self, *, is_own: bool) -> None:
        self._is_own = is_own
        self.has_trained = False  # any process of the run
        self.epoch: int | None = None  # the last one seen
        self._cpus: float | None = None  # CPUs that the run may use
        self.begin()

    def begin(self) -> None:
        """Start again with a new process of the training."""
        self.progress = ProgressKeeper()
        self.workers: int | None = None
        self.refuses = False  # the hook could not replace the workers of some DataLoader
        self.steps: int | None = None
        self.worked_s: float | None = None  # last time that workers were seen to compute
        self.seen_s: float | None = None  # the last tick
        self._began_s: float | None = None  # the first tick
        self._moved_s: float | None = None  # last tick with progress, or after a gap

    def see(self, tick: Tick) -> bool:
        """Process a tick; return whether the training has made progress."""
        moved = self.progress.see(tick)
        # Times from the training's own clock are not used: progress counts from when it was seen.
        had_gap = self.seen_s is None or not 0.0 <= tick.t_s - self.seen_s <= GAP_S
        self.seen_s = tick.t_s
        if moved or had_gap:
            self._moved_s = tick.t_s
        if had_gap:
            self.progress.unlearn()  # a step with a gap in it is no measure of a step's length
        if self._began_s is None:
            self._began_s = tick.t_s
        self.has_trained = self.has_trained or self.is_at_work(tick)
        beat = main_beat(tick)
        if beat is not None and beat.epoch is not None:
            self.epoch = beat.epoch
        if beat is not None:
            self.steps = beat.steps_total
        self._cpus = usable_cpus(tick, self._cpus)
        cores = [process.cpu_ratio or 0.0 for process in tick.processes if process.role in WORKERS]
        if works_together(cores, self._cpus if self._cpus is not None else math.inf):
            self.worked_s = tick.t_s
        self.refuses |= any(isinstance(event, Noted) and event.what == REFUSED for event in tick.events)
        workers = sum(process.role == "train-worker" for process in tick.processes)
        if workers:
            self.workers = max(workers, self.workers or 0)
        return moved

    @property
    def expects_no_beat(self) -> bool:
        """Return whether the training is a program of the user's own that has shown no heartbeat so far."""
        return self._is_own and not self.progress.has_beat

    def is_at_work(self, tick: Tick) -> bool:
        """Return whether start-up, unpacking and compilation are finished.

        A program without a heartbeat counts as started after some time.
        """
        beat = main_beat(tick)
        if beat is not None:
            return beat.phase in WORK_PHASES
        is_young = self._began_s is None or tick.t_s - self._began_s < OWN_WORKS_AFTER_S
        return self.expects_no_beat and not is_young

    def is_quiet(self, tick: Tick) -> bool:
        """Return whether the main process has made no progress for much longer than a step takes."""
        if self.progress.at_s is None or self._moved_s is None:
            return False
        if self.progress.has_beat and main_beat(tick) is None:
            return False  # there may be progress: its page was not read
        longest = self.progress.longest_step_s
        limit_s = QUIET_BEFORE_STEPS_S if longest is None else max(QUIET_S, TIMES_LONGEST * longest)
        return tick.t_s - self._moved_s >= limit_s


def is_time(state: TrainingState, episode: Episode, diagnosis: Diagnosis | None, tick: Tick) -> bool:
    """Return whether to act on an episode that is not over."""
    if is_held(tick):
        return False
    waited_s = tick.t_s - episode.alarm_s
    stands_still = episode.kind in ("stall", "death") and state.is_quiet(tick)
    if episode.kind == "death" and state.progress.longest_step_s is None:
        # During start-up a missing step means nothing: the second sign is a wait for the dead workers.
        stands_still = stands_still and _waits(tick)
    if _is_about_a_worker(episode, diagnosis):
        stands_still = stands_still and (_waits(tick) if working(tick.beats) else _is_seen_waiting(diagnosis))
    return stands_still and waited_s >= _patience_s(state, episode, diagnosis, tick)


def _patience_s(state: TrainingState, episode: Episode, diagnosis: Diagnosis | None, tick: Tick) -> float:
    if episode.kind == "death":
        return HOOK_FIRST_S
    if diagnosis is None or not diagnosis.verdicts or diagnosis.verdicts[0].verdict == "possible":
        works = state.worked_s is not None and tick.t_s - state.worked_s < NAMELESS_S
        return NAMELESS_S if _waits(tick) and not works else math.inf
    return PATIENCE_S.get(diagnosis.verdicts[0].cause, 0.0)


def _is_about_a_worker(episode: Episode, diagnosis: Diagnosis | None) -> bool:
    best = diagnosis.verdicts[0].cause if diagnosis is not None and diagnosis.verdicts else None
    return episode.detector == FrozenDetector.name or best in IF_WAITED_FOR


def _is_seen_waiting(diagnosis: Diagnosis | None) -> bool:
    # Where there is no heartbeat, by the stack of the main process.
    return known_facts(diagnosis).get("main.waits_on") in WAITS_OF_NNUNET


def _waits(tick: Tick) -> bool:
    return any(beat.waits_for != "none" for beat in working(tick.beats))
