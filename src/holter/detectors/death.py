"""Unexpected endings of a worker or of the training itself.

An exception that only a console or log reports, or that a side thread raised, is not yet a death: the file may contain
lines of another run, and a thread of a tracking service may die alone. It counts as the beginning of a death if a
process of this run ends soon after. While all processes live, it raises no alarm, and is context for other episodes.
"""

from __future__ import annotations

from collections import deque

import msgspec

from holter.detectors import endings
from holter.detectors.plain import PlainKeeper, is_lost_worker, waiting
from holter.detectors.progress import ProgressKeeper
from holter.detectors.view import PhaseKeeper
from holter.evidence.words import process_of
from holter.history.own_actions import OwnActions
from holter.history.ranks import main_process
from holter.linux.signals import Signal
from holter.records import DATA_WORKERS, WORKERS, ActionTaken, Episode, ExceptionSeen, ProcessEnded, Tick

# Several sources (hook, pidfd, wait, log) report one crash within this time.
ONE_CRASH_S = 30.0
# Exceptions that workers sent and that may end the program later.
KEPT_SENT = 50
# Wait for a worker with an unknown ending: at the end of training the log shows it within seconds.
GRACE_S = 5.0
# A finished training has left these phases.
IN_LOOP = ("train", "validate", "epoch-end", "checkpoint")
# Their workers may die while the run goes on.
POOLS = ("pool-worker", "export-worker")


class DeathDetector:
    """Marks each crash as one episode: its subject is the process that died first, later deaths are consequences."""

    name = "death"

    def __init__(self) -> None:
        self._phase = PhaseKeeper()
        self._open: Episode | None = None
        self._survived: Episode | None = None  # the last one, if the run went on after it
        self._echoed_s: float | None = None  # main's last exception that only repeats an earlier failure
        self._unclear: list[ProcessEnded] = []
        self._progress = ProgressKeeper()
        self._hooked = False
        self._stopping = False  # checkpoint saved, ending on a scheduler's request
        self._own = OwnActions()
        self._rumours: list[ExceptionSeen] = []
        self._began_s: float | None = None
        self._started_s: float | None = None  # when the main process that works now began
        self._plain = PlainKeeper()
        self._sent: deque[ExceptionSeen] = deque(maxlen=KEPT_SENT)  # by workers of a DataLoader, and maybe survived

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        self._plain.see(tick)
        self._began_s = tick.t_s if self._began_s is None else self._began_s
        phase_before = self._phase.phase
        self._phase.see(tick)
        self._progress.see(tick)
        main = main_process(tick.processes, tick.beats)
        self._started_s = None if main is None else main.started_s
        changed: list[Episode] = self._close_if_it_goes_on()
        self._hooked = self._hooked or bool(tick.beats)
        for event in (*self._due(tick), *endings.in_order_of_time(tick.events)):
            self._own.see(event)
            if isinstance(event, ActionTaken):
                self._survived = None if event.action == "restart" else self._survived
                self._stopping = self._stopping or (event.action == "stop" and event.state == "done")
            if self._stopping or not isinstance(event, (ProcessEnded, ExceptionSeen)) or self._own.explain(event):
                continue
            changed += self._settle(event, tick)
            if self._plain.is_plain and self._is_of_loader(event):
                changed += self._see_loader(event, tick)
                continue
            if endings.is_in_order(event):
                if isinstance(event, ExceptionSeen) and event.echo and event.role == "main":
                    self._echoed_s = event.t_s
                continue
            if isinstance(event, ExceptionSeen) and endings.is_rumour(event):
                changed += self._hear(event, tick)
                continue
            if event.role in DATA_WORKERS and "shutdown" in (phase_before, self._phase.phase):
                continue
            if isinstance(event, ProcessEnded) and endings.is_unclear(event) and event not in self._unclear:
                self._unclear.append(event)
            else:
                changed += self._take(event, tick)
        kept_s = ONE_CRASH_S if self._plain.is_plain else GRACE_S
        self._unclear = [event for event in self._unclear if tick.t_s - event.t_s < kept_s]
        self._rumours = [event for event in self._rumours if tick.t_s - event.t_s < ONE_CRASH_S]
        return tuple(changed)

    # A worker of a program's DataLoader, or the exception by which such a worker ends main.
    def _is_of_loader(self, event: ProcessEnded | ExceptionSeen) -> bool:
        return event.role in DATA_WORKERS or (isinstance(event, ExceptionSeen) and endings.repeats_worker(event))

    # PyTorch's worker sends its exception and goes on, and the program may survive it. A death counts while a batch is
    # awaited, or if main fails after it.
    def _see_loader(self, event: ProcessEnded | ExceptionSeen, tick: Tick) -> list[Episode]:
        if isinstance(event, ExceptionSeen):
            if event.role != "main":
                self._sent.append(event)
                return []
            sender = next((ended for ended in self._unclear if event.echo), None) or self._sender(event)
            if sender is None and event.echo:
                return []  # how the worker ended is reported in a moment, before the end of main
            return self._take(event if sender is None else sender, tick)
        if event.source != "hook" or event.expected or event.by_parent:
            return []
        if is_lost_worker(event) and not endings.is_in_order(event) and waiting(tick) is not None:
            return self._take(event, tick)
        if event not in self._unclear:
            self._unclear.append(event)
        return []

    # The exception of a worker that main repeats: the last one with these words, or with their beginning, because long
    # words are cut off. Without any words it is the last of this kind.
    def _sender(self, event: ExceptionSeen) -> ExceptionSeen | None:
        alike = [sent for sent in reversed(self._sent) if f"Caught {sent.error} " in event.message]
        same = [sent for sent in alike if sent.message and _repeats(event.message, sent)]
        wordless = [sent for sent in alike if not (sent.message and _shows_words(event, sent.error))]
        return next(iter((*same, *wordless)), None)

    # Keep a rumour; it explains a process that just ended for an unknown reason.
    def _hear(self, event: ExceptionSeen, tick: Tick) -> list[Episode]:
        if self._began_s is not None and event.t_s < self._began_s:
            return []  # written before the recording
        if any(ended.role == event.role for ended in self._unclear):
            self._unclear = []
            return self._take(event, tick)
        self._rumours.append(event)
        return []

    # A training that continues after a death (an export worker's) survived it, for now.
    def _close_if_it_goes_on(self) -> list[Episode]:
        at_s = self._progress.at_s
        if self._open is None or at_s is None or at_s < max(self._open.alarm_s + GRACE_S, self._open.end_s or 0.0):
            return []
        is_of_main = self._open.subject_name.startswith("main")
        if is_of_main and self._started_s is not None and self._started_s < self._open.start_s:
            return []  # another rank, which is about to wait for the dead one; only a restart survives this
        closed = msgspec.structs.replace(self._open, end_s=at_s)
        self._survived, self._open = closed if closed.subject_name.startswith(POOLS) else None, None
        return [closed]

    # Decide about workers with an open ending: cleaned up by their parent, or the reason why the main process ends.
    def _settle(self, event: ProcessEnded | ExceptionSeen, tick: Tick) -> list[Episode]:
        if isinstance(event, ExceptionSeen):
            return []
        if event.by_parent or event.expected:
            self._unclear = [ended for ended in self._unclear if ended.pid != event.pid]
        elif self._hooked and event.role in DATA_WORKERS and event.exit_signal == Signal.SIGTERM:
            self._unclear.append(event)
        elif event.role == "main" and self._has_failed(event):
            # One whose part of an IterableDataset is over leaves with exit code 0.
            unclear = [
                ended
                for ended in self._unclear
                if not (self._plain.is_plain and ended.exit_code == 0) and not endings.is_same_request(ended, event)
            ]
            self._unclear = []
            return self._take(min(unclear, key=lambda ended: ended.t_s), tick) if unclear else []
        return []

    # Whether the main process failed; an unknown ending counts as failure in the middle of nnU-Net's loop.
    def _has_failed(self, event: ProcessEnded) -> bool:
        if event.exit_code is None and event.exit_signal is None:
            return self._phase.phase in IN_LOOP
        return not endings.was_asked_for(event)

    def _due(self, tick: Tick) -> list[ProcessEnded]:
        if not self._hooked:
            # Loaders and pools end their workers regularly; before Linux 6.15 no source reports how.
            return []
        if self._phase.phase in ("shutdown", "final-validation"):
            self._unclear = [event for event in self._unclear if event.role not in DATA_WORKERS]
        due = [event for event in self._unclear if tick.t_s - event.t_s >= GRACE_S]
        return [] if self._plain.is_plain else due

    def _take(self, event: ProcessEnded | ExceptionSeen, tick: Tick) -> list[Episode]:
        first = self._first_rumour(event)
        main_ended = event.role == "main" and isinstance(event, ProcessEnded)
        # A pool is asked for its workers only before the next case: until then the run goes on without one.
        if self._open is None and main_ended and self._survived is not None and self._is_echo(event):
            self._open, self._survived = msgspec.structs.replace(self._survived, end_s=None), None
        if self._open is not None and (main_ended or event.t_s - self._open.alarm_s < ONE_CRASH_S):
            if not main_ended or event.t_s <= (self._open.end_s or 0.0):
                return []  # of several ranks, the end of the last one is the end of all
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
            reason=endings.reason_of(first),
        )
        return [self._open]

    def _is_echo(self, event: ProcessEnded | ExceptionSeen) -> bool:
        moved_s = self._progress.at_s
        return self._echoed_s is not None and self._echoed_s <= event.t_s and (moved_s or 0.0) <= self._echoed_s

    # The first rumour that may explain why this process ended, else the event itself.
    def _first_rumour(self, event: ProcessEnded | ExceptionSeen) -> ProcessEnded | ExceptionSeen:
        near = [
            rumour
            for rumour in self._rumours
            if 0.0 <= event.t_s - rumour.t_s < ONE_CRASH_S and self._explains(rumour, event)
        ]
        self._rumours = []
        return min(near, key=lambda rumour: rumour.t_s, default=event)

    # Whether a rumour has the same role, or is a worker's before the end of main, and the reason is still unknown. The
    # file may hold lines of another run; the hook reports every exception that ends its own process.
    def _explains(self, rumour: ExceptionSeen, event: ProcessEnded | ExceptionSeen) -> bool:
        is_known = isinstance(event, ExceptionSeen) or event.exit_signal is not None
        if self._hooked and rumour.pid is None and is_known:
            return False
        return rumour.role == event.role or (event.role == "main" and rumour.role in WORKERS)


def _repeats(message: str, sent: ExceptionSeen) -> bool:
    _, is_named, words = message.rpartition(f"{sent.error}: ")
    return sent.message in message or bool(is_named and sent.message.startswith(words))


# Whether the text of an exception holds the line in which a traceback names this error and its words.
def _shows_words(event: ExceptionSeen, error: str) -> bool:
    names = (line.partition(":")[0].rpartition(".")[2] for line in event.message.splitlines())
    return error in names
