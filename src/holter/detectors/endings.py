"""What one ending or exception means: whether it was in order, only a rumour, or is still unclear. Pure functions."""

from __future__ import annotations

from holter.evidence.words import ENDED, ending, process_of, raised, shown_ending
from holter.linux.signals import Signal
from holter.records import DATA_WORKERS, WORKERS, Event, ExceptionSeen, Message, ProcessEnded, Subject
from holter.sentences import define
from holter.texts.secondary_errors import reports_dataloader_worker

# Endings that the user or the terminal asked for; exit codes as shells report them.
ASKED_FOR_SIGNALS = (Signal.SIGINT,)
# What is sent to a whole training from outside.
SENT_SIGNALS = (Signal.SIGHUP, Signal.SIGKILL, Signal.SIGTERM)
ASKED_FOR_CODES = (0, 128 + Signal.SIGINT)

EARLY = define("death.early", "{who} ended with exit code 0 before its last epoch")
GONE = define("episode.gone", "{who} is gone; how it ended is not known")


def in_order_of_time(events: tuple[Event, ...]) -> list[Event]:
    """Return the events of one tick, sorted.

    First the rank that ended by itself, then those that its launcher ends with SIGTERM. The data workers that a signal
    to all processes ended come after the main process.
    """
    ranks = [event for event in events if isinstance(event, ProcessEnded) and event.role == "main"]
    ended = {event.pid for event in ranks if event.exit_signal == Signal.SIGTERM}
    echoes = ended if any(event.pid not in ended for event in ranks) else set()
    sent = {event.exit_signal for event in ranks if event.exit_signal in SENT_SIGNALS}
    first_s = min((event.t_s for event in ranks), default=0.0)

    def place(event: Event) -> tuple[float, int]:
        if not isinstance(event, ProcessEnded):
            return event.t_s, 0
        if event.role in DATA_WORKERS and event.exit_signal in sent:
            return max(event.t_s, first_s), 2
        return event.t_s, int(event.pid in echoes)

    return sorted(events, key=place)


def is_same_request(worker: ProcessEnded, main: ProcessEnded) -> bool:
    """Return whether one signal was sent to the worker and to the main process: then no worker is the reason."""
    return worker.exit_signal is not None and worker.exit_signal == main.exit_signal


def is_in_order(event: ProcessEnded | ExceptionSeen) -> bool:
    """Return whether nothing is wrong: somebody asked for it, or it belongs to a normal end."""
    if isinstance(event, ExceptionSeen):
        return event.echo or event.error in ("KeyboardInterrupt", "SystemExit")
    if event.expected or event.by_parent or event.role not in ("main", *WORKERS):
        return True
    if event.role == "main" and event.exit_code is None and event.exit_signal is None:
        return True  # an attached training ended: nothing shows a failure
    if event.role in WORKERS and event.exit_signal == Signal.SIGTERM:
        return True  # cleanup by its parent; ``DeathDetector`` detects other senders
    return was_asked_for(event) and not _has_left(event)


def repeats_worker(event: ExceptionSeen) -> bool:
    """Return whether PyTorch raised this in the main process for a worker: its exception, or that it is gone."""
    if event.role != "main" or event.source != "hook" or event.thread is not None:
        return False
    return "in DataLoader worker process" in event.message or reports_dataloader_worker(event.message)


def is_rumour(event: ExceptionSeen) -> bool:
    """Return whether only a text or a side thread reports the exception."""
    # A results loop is no side thread: without it no batches come.
    side_thread = event.thread is not None and "results_loop" not in event.thread
    return event.source != "hook" or side_thread


def was_asked_for(event: ProcessEnded) -> bool:
    """Return whether the process ended as planned, or because the user stopped it."""
    return not event.early and (event.exit_signal in ASKED_FOR_SIGNALS or event.exit_code in ASKED_FOR_CODES)


def is_unclear(event: ProcessEnded) -> bool:
    """Return whether the ending is unknown, or a worker left by itself: the end of the training may explain it."""
    return (event.exit_code is None and event.exit_signal is None) or _has_left(event)


# A data worker that the hook watches ended with exit code 0 without a request.
def _has_left(event: ProcessEnded) -> bool:
    return event.role in DATA_WORKERS and event.exit_code == 0 and event.source == "hook"


def reason_of(event: ProcessEnded | ExceptionSeen) -> Message:
    """Return the sentence that says what happened."""
    who = process_of(event)
    if isinstance(event, ExceptionSeen):
        return raised(who, event)
    how = ending(event)
    if event.early:
        return EARLY(who=Subject(role=event.role, pid=event.pid))
    return GONE(who=who) if how is None else ENDED(who=who, ending=shown_ending(how))
