"""Whether a signal ended several processes of the run at once: then somebody sent it to all of them.

A training whose main process is held, as by a debugger, ends only later: its worker dies first, and is not the cause.
"""

from __future__ import annotations

from collections.abc import Sequence

from holter.evidence.window import Window
from holter.history.own_actions import Wanted
from holter.linux.signals import Signal
from holter.records import DATA_WORKERS, ActionTaken, Noted, ProcessBorn, ProcessEnded

# Reports of one moment come from a reading a second, and from the hook's own.
TOGETHER_S = 2.0
# What a terminal, a scheduler or a person sends to a whole group of processes.
REQUESTS = (Signal.SIGHUP, Signal.SIGINT, Signal.SIGTERM)


def with_others(window: Window, reports: Sequence[ProcessEnded]) -> bool:
    """Return whether the signal that ended a worker was not meant for it alone.

    It then also ended other processes of the run, and was not their parent's; or Holter was sent the same signal, as by
    a scheduler that ends a whole job: the main process may catch it, and save for a minute.

    ``reports``: all reports of the worker's end.
    """
    number = next((event.exit_signal for event in reports if event.exit_signal is not None), None)
    if number not in (*REQUESTS, Signal.SIGKILL):
        return False
    ends = window.recording.events(ProcessEnded)
    own = {event.pid for event in reports}
    wanted = Wanted(window.recording.events(ProcessEnded, ProcessBorn, ActionTaken))
    others = [event for event in ends if event.exit_signal == number and event.pid not in own and event not in wanted]
    first_s = min(event.t_s for event in reports)
    if any(event.role == "main" and abs(event.t_s - first_s) <= TOGETHER_S for event in others):
        # The kernel may end an export worker and then the main process by SIGKILL, one after the other.
        return number != Signal.SIGKILL or all(event.role in DATA_WORKERS for event in reports)
    if number not in REQUESTS:
        return False
    if _was_sent_to_holter(window, Signal(number), first_s):
        return True
    # Without a report of the hook it may be the parent that ends its other workers. A main process that is held reports
    # all of them later.
    by_hook = [event for event in others if event.source == "hook"]
    return any(abs(event.t_s - report.t_s) <= TOGETHER_S for event in by_hook for report in reports)


def _was_sent_to_holter(window: Window, number: Signal, at_s: float) -> bool:
    near = window.recording.events(Noted, start_s=at_s - TOGETHER_S, end_s=at_s + TOGETHER_S)
    said = (note.message for note in near if note.what in ("asked-to-end", "signal-passed-on"))
    return any(message is not None and dict(message.values).get("signal") == number.name for message in said)
