"""Notice that a training stands between two batches while no process of the run does anything. Pure.

A program with a DataLoader may do what it wants between two batches, and so may the code of a custom nnU-Net trainer at
the end of an epoch. So this is no alarm, and what ended by itself before sets the limit. For a program of which nothing
else is known the limit is long, and the smallest activity of any process begins it again.
"""

from __future__ import annotations

from holter.detectors.plain import PlainKeeper
from holter.detectors.progress import HeldTime, ProgressKeeper, are_between_steps, has_own_action
from holter.detectors.rest import Rest
from holter.detectors.view import GAP_S, is_held
from holter.history.ranks import main_of, main_process, working
from holter.records import Beat, Tick

# Downloads, licence servers and the other side of a barrier take minutes. A program whose pauses are longer shows it:
# then twenty of the longest pause that ended.
FLOOR_S, TIMES_LONGEST = 600.0, 20.0
# Log lines, a plot and a checkpoint take seconds each, on a slow file server too.
FLOOR_OF_NNUNET_S, TIMES_LONGEST_OF_NNUNET = 30.0, 4.0

# PID and progress of every main process that trains.
Progress = tuple[tuple[int, int], ...]


class StandingKeeper:
    """Since when the program has stood between two batches with nobody at work. ``since_s``: None if it does not."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        self.progress: Progress = ()
        self.longest_s = 0.0  # longest time between two batches, of those that ended
        self._plain = PlainKeeper()
        self._nnunet = ProgressKeeper()
        self._rest_of_plain, self._rest_of_nnunet = Rest(strict=True), Rest()
        self._rests = False
        self._before: Beat | None = None  # at the last progress; None: the time since then does not count
        self._held = HeldTime()
        self._blocked_s = 0.0  # of all time until the last progress
        self._last_s: float | None = None

    @property
    def limit_s(self) -> float:
        """Seconds after which to say it."""
        if not self.is_plain:
            return max(FLOOR_OF_NNUNET_S, TIMES_LONGEST_OF_NNUNET * self._nnunet.longest_between_s)
        return max(FLOOR_S, TIMES_LONGEST * self.longest_s)

    @property
    def is_plain(self) -> bool:
        """Whether the run is a program of which only its DataLoader is known."""
        return self._plain.is_plain

    def begin_again(self) -> None:
        """Count from the next tick: something was done that no tick shows."""
        self.since_s = None

    def see(self, tick: Tick) -> None:
        self._plain.see(tick)
        self._nnunet.see(tick)
        self._held.see(tick)
        if not tick.processes:
            return  # a late tick: the next one has the rest
        gap = self._last_s is not None and tick.t_s - self._last_s > max(GAP_S, 2 * tick.span_s)
        self._last_s = tick.t_s
        beats = working(tick.beats)
        if not beats and main_process(tick.processes, tick.beats) is not None:
            return  # its page was not read in time, as on a crowded machine: the next one shows whether it moved
        disturbed = gap or is_held(tick) or has_own_action(tick)
        if disturbed:
            self._nnunet.forgive(tick.t_s)
        moved = self._learn(beats, disturbed=disturbed)
        rest = self._rest_of_plain if self.is_plain else self._rest_of_nnunet
        if gap or moved:
            rest.forget_cores()
        self._rests = rest.see(tick, before=self._rests and not gap)
        is_between = _is_between(beats) if self.is_plain else are_between_steps(beats)
        if moved or disturbed or not self._rests or not is_between:
            self.since_s = None
        elif self.since_s is None:
            self.since_s = tick.t_s

    # Whether there was progress. A time with a stop or a gap in it is no measure of the program's own pauses.
    def _learn(self, beats: list[Beat], *, disturbed: bool) -> bool:
        progress = tuple((beat.pid, beat.progress_total) for beat in beats)
        moved, self.progress = progress != self.progress, progress
        now, before = main_of(beats), self._before
        if disturbed:
            self._before = None
        if not moved or disturbed:
            return moved
        self._before = now
        blocked_s, self._blocked_s = self._held.blocked_s - self._blocked_s, self._held.blocked_s
        if now is not None and before is not None and now.pid == before.pid:
            self.longest_s = max(self.longest_s, _between_s(before, now) - blocked_s)
        return True


def _between_s(before: Beat, now: Beat) -> float:
    if before.progressed_s is None or now.progressed_s is None:
        return 0.0
    waited_s = (now.data_wait_s or 0.0) if now.progress_total == before.progress_total + 1 else 0.0
    return now.progressed_s - before.progressed_s - waited_s


def _is_between(beats: list[Beat]) -> bool:
    # The wait inside ``next()`` has rules of its own, and before the first batch nothing is known of the program.
    return bool(beats) and all(beat.waits_for == "none" and beat.progress_total for beat in beats)
