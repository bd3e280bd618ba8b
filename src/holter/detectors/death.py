"""A worker or the training itself ended although it should not have.

An exception that only a console or log tells of, or that a side thread raised, is a rumour: the file may hold another
run's words, and a thread of a tracking service may die alone. It becomes the first sign of a death when a process of
this run ends near to it. While all processes live on, it is context for whatever else is noticed, and no alarm.
"""

from __future__ import annotations

import signal

import msgspec

from holter.detectors.progress import ProgressKeeper
from holter.detectors.view import PhaseKeeper
from holter.evidence.words import ENDED, ending, process_of, raised, shown_ending
from holter.records import (
    DATA_WORKERS,
    WORKERS,
    ActionTaken,
    Episode,
    Event,
    ExceptionSeen,
    Message,
    ProcessEnded,
    Subject,
    Tick,
)
from holter.sentences import define

# Events of one crash come from several sources (hook, pidfd, wait, log) within this time.
ONE_CRASH_S = 30.0
# A worker whose ending nobody could tell: at the end of training the log says so within seconds.
GRACE_S = 5.0
# A training that is over has left these phases.
IN_LOOP = ("train", "validate", "epoch-end", "checkpoint")
# The user or the terminal asked for the end; exit codes as shells give them.
ASKED_FOR_SIGNALS = (signal.SIGINT,)
ASKED_FOR_CODES = (0, 128 + signal.SIGINT)

EARLY = define("death.early", "{who} ended with exit code 0 before its last epoch")
GONE = define("episode.gone", "{who} is gone; how it ended is not known")


class DeathDetector:
    """One episode per crash: the first death in time is its subject, the rest are consequences."""

    name = "death"

    def __init__(self) -> None:
        self._phase = PhaseKeeper()
        self._open: Episode | None = None
        self._unclear: list[ProcessEnded] = []
        self._progress = ProgressKeeper()
        self._hooked = False
        self._stopping = False  # saved and ending, as a scheduler asked
        self._ours: set[int] = set()  # processes that Holter ends, or its hook
        self._rumours: list[ExceptionSeen] = []
        self._began_s: float | None = None

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Take in the next tick."""
        self._began_s = tick.t_s if self._began_s is None else self._began_s
        phase_before = self._phase.phase
        self._phase.see(tick)
        self._progress.see(tick)
        changed: list[Episode] = self._close_if_it_goes_on()
        self._hooked = self._hooked or bool(tick.beats)
        for event in (*self._due(tick), *_in_order_of_time(tick.events)):
            if isinstance(event, ActionTaken):
                self._ours.update(event.pids if event.state == "begun" else ())
                self._stopping = self._stopping or (event.action == "stop" and event.state == "done")
            if self._stopping or not isinstance(event, (ProcessEnded, ExceptionSeen)) or event.pid in self._ours:
                continue
            changed += self._settle(event, tick)
            if _is_in_order(event):
                continue
            if isinstance(event, ExceptionSeen) and _is_rumour(event):
                changed += self._hear(event, tick)
                continue
            if event.role in DATA_WORKERS and "shutdown" in (phase_before, self._phase.phase):
                continue
            if isinstance(event, ProcessEnded) and _is_unclear(event) and event not in self._unclear:
                self._unclear.append(event)
            else:
                changed += self._take(event, tick)
        self._unclear = [event for event in self._unclear if tick.t_s - event.t_s < GRACE_S]
        self._rumours = [event for event in self._rumours if tick.t_s - event.t_s < ONE_CRASH_S]
        return tuple(changed)

    def _hear(self, event: ExceptionSeen, tick: Tick) -> list[Episode]:
        """Keep a rumour; where a process has just ended and nobody could say how, it says how."""
        if self._began_s is not None and event.t_s < self._began_s:
            return []  # written before we came
        if any(one.role == event.role for one in self._unclear):
            self._unclear = []
            return self._take(event, tick)
        self._rumours.append(event)
        return []

    def _close_if_it_goes_on(self) -> list[Episode]:
        """A training that works on after a death (an export worker's) has survived it, for now."""
        at_s = self._progress.at_s
        if self._open is None or at_s is None or at_s < self._open.alarm_s + GRACE_S:
            return []
        closed = msgspec.structs.replace(self._open, end_s=at_s)
        self._open = None
        return [closed]

    def _settle(self, event: ProcessEnded | ExceptionSeen, tick: Tick) -> list[Episode]:
        """Workers whose ending was open until now: cleaned up by their parent, or the reason that it ends."""
        if isinstance(event, ExceptionSeen):
            return []
        if event.by_parent or event.expected:
            self._unclear = [one for one in self._unclear if one.pid != event.pid]
        elif self._hooked and event.role in DATA_WORKERS and event.exit_signal == signal.SIGTERM:
            self._unclear.append(event)
        elif event.role == "main" and self._unclear and self._has_failed(event):
            first, self._unclear = min(self._unclear, key=lambda one: one.t_s), []
            return self._take(first, tick)
        return []

    def _has_failed(self, event: ProcessEnded) -> bool:
        """Whether main ended by a fault; one whose ending is unknown did in the middle of nnU-Net's loop."""
        if event.exit_code is None and event.exit_signal is None:
            return self._phase.phase in IN_LOOP
        return not _was_asked_for(event)

    def _due(self, tick: Tick) -> list[ProcessEnded]:
        if not self._hooked:
            # Loaders and pools end their workers in order all the time; on kernels before 6.15 nobody tells it.
            return []
        if self._phase.phase in ("shutdown", "final-validation"):
            self._unclear = [event for event in self._unclear if event.role not in DATA_WORKERS]
        return [event for event in self._unclear if tick.t_s - event.t_s >= GRACE_S]

    def _take(self, event: ProcessEnded | ExceptionSeen, tick: Tick) -> list[Episode]:
        first = self._first_rumour(event)
        main_ended = event.role == "main" and isinstance(event, ProcessEnded)
        if self._open is not None and (main_ended or event.t_s - self._open.alarm_s < ONE_CRASH_S):
            if not main_ended or self._open.end_s is not None:
                return []
            self._open = msgspec.structs.replace(self._open, end_s=event.t_s)
            return [self._open]
        self._open = Episode(
            kind="death",
            phase=self._phase.phase,
            start_s=first.t_s,
            alarm_s=max(tick.t_s, event.t_s),
            end_s=event.t_s if main_ended else None,
            detector=self.name,
            subject=process_of(first),
            pid=first.pid if first.pid is not None else event.pid,
            reason=_what(first),
        )
        return [self._open]

    def _first_rumour(self, event: ProcessEnded | ExceptionSeen) -> ProcessEnded | ExceptionSeen:
        """Return the first rumour that may tell why this process ended; the event itself where there is none."""
        near = [one for one in self._rumours if 0.0 <= event.t_s - one.t_s < ONE_CRASH_S and self._explains(one, event)]
        self._rumours = []
        return min(near, key=lambda one: one.t_s, default=event)

    def _explains(self, rumour: ExceptionSeen, event: ProcessEnded | ExceptionSeen) -> bool:
        """Whether it is of the same role, or a worker's before the end of main; and not needed to know the reason.

        The file may hold another run's words. The hook tells every exception that ends its own process.
        """
        is_known = isinstance(event, ExceptionSeen) or event.exit_signal is not None
        if self._hooked and rumour.pid is None and is_known:
            return False
        return rumour.role == event.role or (event.role == "main" and rumour.role in WORKERS)


def _in_order_of_time(events: tuple[Event, ...]) -> list[Event]:
    """Within one look: the rank that ended by itself, then those that its launcher ends with SIGTERM."""
    ranks = [event for event in events if isinstance(event, ProcessEnded) and event.role == "main"]
    ended = {event.pid for event in ranks if event.exit_signal == signal.SIGTERM}
    echoes = ended if any(event.pid not in ended for event in ranks) else set()
    return sorted(events, key=lambda event: (event.t_s, isinstance(event, ProcessEnded) and event.pid in echoes))


def _is_in_order(event: ProcessEnded | ExceptionSeen) -> bool:
    if isinstance(event, ExceptionSeen):
        return event.echo or event.error in ("KeyboardInterrupt", "SystemExit")
    if event.expected or event.by_parent or event.role not in ("main", *WORKERS):
        return True
    if event.role == "main" and event.exit_code is None and event.exit_signal is None:
        return True  # an attached training that is over: nothing says that it failed
    if event.role in WORKERS and event.exit_signal == signal.SIGTERM:
        return True  # its parent cleans up; if it was somebody else, ``_settle`` finds out
    return _was_asked_for(event) and not _has_left(event)


def _is_rumour(event: ExceptionSeen) -> bool:
    """Whether only a text or a side thread tells of it; a results loop is no side thread: batches end with it."""
    side_thread = event.thread is not None and "results_loop" not in event.thread
    return event.source != "hook" or side_thread


def _was_asked_for(event: ProcessEnded) -> bool:
    return not event.early and (event.exit_signal in ASKED_FOR_SIGNALS or event.exit_code in ASKED_FOR_CODES)


def _is_unclear(event: ProcessEnded) -> bool:
    """Nobody could say how it ended; or a worker left of its own accord, which the end of the training may explain."""
    return (event.exit_code is None and event.exit_signal is None) or _has_left(event)


def _has_left(event: ProcessEnded) -> bool:
    """A data worker of a training that is watched from inside ended with exit code 0 although nobody told it to."""
    return event.role in DATA_WORKERS and event.exit_code == 0 and event.source == "hook"


def _what(event: ProcessEnded | ExceptionSeen) -> Message:
    """What died and how."""
    who = process_of(event)
    if isinstance(event, ExceptionSeen):
        return raised(who, event)
    how = ending(event)
    if event.early:
        return EARLY(who=Subject(role=event.role, pid=event.pid))
    return GONE(who=who) if how is None else ENDED(who=who, ending=shown_ending(how))
