"""Decide when to restart a main process that has been idle so long that it will not recover.

Whether a call in the training's own code will ever return cannot be known from outside. So this is the last and slowest
reason to act: the main process and all its children do nothing at all (no CPU, no I/O, no GPU work, no thread that
wakes, no connection that moves bytes), this lasts many times longer than the longest step, and a warning was given five
minutes before. A main process that computes is never ended unless the user set a limit.
"""

from __future__ import annotations

from collections.abc import Callable

from holter.detectors.progress import HeldTime, ProgressKeeper
from holter.detectors.rest import Rest
from holter.detectors.stall import FLOOR_S as PHASES_TAKE_S
from holter.detectors.view import GAP_S, PhaseKeeper, is_held
from holter.history.ranks import main_beat, main_process
from holter.records import ActionTaken, Message, Tick
from holter.sentences import Sentence, define
from holter.supervisor.run_activity import RunActivity

# A restart of a file server takes less than a quarter of an hour; ten times the longest step is no usual step.
FLOOR_S, TIMES_LONGEST = 900.0, 10.0
ANNOUNCED_S = 300.0
ANNOUNCED_PART = 0.5  # part of the limit, if that is shorter
# So many times within the limit, but not more often than that, the threads and connections of the run are compared. A
# healthy training is never looked at: its steps are shorter.
ACTIVITY_LOOKS, LEAST_BETWEEN_S = 20, 4.0
# Phases with steps that measure the usual length; compilation and validation have their own limits.
COUNTED = ("train", "epoch-end", "checkpoint")

STANDS = define(
    "main-hang.stands",
    "nothing has moved for {age:duration}, and Holter sees no activity of the training; "
    "it is restarted in {left:duration} unless it makes progress "
    "(--no-main-heal switches this off)",
)
BUSY = define(
    "main-hang.busy",
    "nothing has moved for {age:duration}; by --main-limit it is restarted in {left:duration} unless it makes progress",
)
MOVED = define("main-hang.moved", "it moved on by itself")
WORKS = define("main-hang.works", "a process of the training does something again")
UNSEEN = define("main-hang.unseen", "Holter cannot see whether a connection of the training moves bytes")
HELD = define("main-hang.held", "it was stopped from outside; the time is counted again when it continues")
GAP = define(
    "main-hang.gap", "Holter could not look for a while (a suspended machine?); the time is counted again from now on"
)
ENDED = define("main-hang.ended", "the main process has ended")


class MainHang:
    """Watches the main process. ``limit_s``: the user's own limit, which also applies to a process that computes.

    ``activity``: what no tick shows, such as an upload in a thread; None: nothing but the ticks.
    """

    def __init__(
        self,
        say: Callable[[ActionTaken], None],
        *,
        limit_s: float | None,
        off: bool,
        activity: RunActivity | None = None,
    ) -> None:
        self._say = say
        self._activity = activity
        self._limit_s = limit_s
        self._off = off
        self.forget(0)

    def forget(self, generation: int) -> None:
        """Begin again for a process that replaces the last one; ``generation``: its number within the run."""
        self._generation = generation
        self._since_s: float | None = None  # start of no progress (and of idleness, unless the user set a limit)
        self._due_s: float | None = None  # time of the restart; None: not announced
        self._progress, self._phase = ProgressKeeper(), PhaseKeeper()
        self._longest_s = 0.0
        self._moved_s: float | None = None  # last progress, if every tick since then counts
        self._held = HeldTime()
        self._blocked_s = 0.0  # by storage, of all time until the last progress
        self._rest = Rest()
        self._last_s: float | None = None  # the last tick with processes

    def see(self, tick: Tick) -> None:
        gap = self._last_s is not None and tick.t_s - self._last_s > max(GAP_S, 2 * tick.span_s)
        moved = any((self._progress.see(tick), self._phase.see(tick)))
        held = is_held(tick)
        self._held.see(tick)
        self._learn(tick, moved=moved, disturbed=gap or held)
        if not tick.processes and not moved:
            return  # a late tick: the next one has the rest
        self._last_s = tick.t_s
        ended = main_process(tick.processes, tick.beats) is None
        why = MOVED if moved else GAP if gap else HELD if held else ENDED if ended else None
        if why is not None:
            self._rest.forget_cores()
            self._begin_again(tick, why)
        elif self._limit_s is None and (works := self._is_at_work(tick)) is not None:
            self._begin_again(tick, works)
        elif self._since_s is None and self._progress.has_beat:
            self._since_s = tick.t_s
            if self._activity is not None:
                self._activity.forget()

    def is_due(self, tick: Tick) -> bool:
        """Return whether to restart now. Some minutes before the restart is due, report that it will come."""
        if self._off or self._since_s is None or not tick.processes:
            return False
        if self._progress.has_beat and main_beat(tick) is None:
            return False  # there may be progress: its page was not read
        if self._due_s is not None:
            return tick.t_s >= self._due_s
        age_s = tick.t_s - self._since_s
        ahead_s = min(ANNOUNCED_S, ANNOUNCED_PART * self.limit_s)
        if age_s >= self.limit_s - ahead_s:
            self._due_s = max(self._since_s + self.limit_s, tick.t_s + ahead_s)
            words = BUSY if self._limit_s is not None else STANDS
            self._tell("begun", tick, words(age=age_s, left=self._due_s - tick.t_s))
        return False

    @property
    def limit_s(self) -> float:
        """Seconds without progress after which to restart: the user's limit, or many times the longest step.

        It is never shorter than the time that the present phase (such as compilation) may take.
        """
        wanted_s = max(FLOOR_S, TIMES_LONGEST * self._longest_s) if self._limit_s is None else self._limit_s
        return max(wanted_s, PHASES_TAKE_S[self._phase.phase])

    # Why the process may not be taken to stand; None if it may.
    def _is_at_work(self, tick: Tick) -> Sentence | None:
        if not self._rest.see(tick, before=self._since_s is not None):
            return WORKS
        if self._since_s is None or self._activity is None or self._off:
            return None
        every_s = max(LEAST_BETWEEN_S, self.limit_s / ACTIVITY_LOOKS)
        if tick.t_s - self._since_s < every_s:
            return None
        return {True: WORKS, None: UNSEEN, False: None}[self._activity.see(tick, every_s)]

    def _begin_again(self, tick: Tick, why: Sentence) -> None:
        if self._due_s is not None:
            self._tell("done", tick, why())
        self._since_s = self._due_s = None

    def _learn(self, tick: Tick, *, moved: bool, disturbed: bool) -> None:
        # A step with start-up, compilation, a gap or a stop in it is no measure of a step's length, and the time in
        # which storage did not answer is no part of it.
        beat = main_beat(tick)
        if disturbed or (beat is not None and beat.phase not in COUNTED):
            self._moved_s = None
        elif moved and beat is not None:
            if self._moved_s is not None:
                blocked_s = self._held.blocked_s - self._blocked_s
                self._longest_s = max(self._longest_s, tick.t_s - self._moved_s - blocked_s)
            self._moved_s, self._blocked_s = tick.t_s, self._held.blocked_s

    def _tell(self, state: str, tick: Tick, message: Message) -> None:
        self._say(
            ActionTaken(
                t_s=tick.t_s,
                action="announce-restart",
                state=state,  # type: ignore[arg-type]
                message=message,
                generation=self._generation,
            )
        )
