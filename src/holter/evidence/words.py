"""Words and measures that evidence and detectors share."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable

from holter.probes.training.remarks import NOT_SAVED
from holter.records import (
    ActionTaken,
    ExceptionSeen,
    Message,
    Noted,
    ProcessEnded,
    ProcessSample,
    Record,
    Subject,
    Text,
)
from holter.sentences import define, has

# batchgenerators polls its queues every 2 ms, which costs an idle process 2 to 8 % of a core. A process that works
# uses most of one, or, where many share few cores, at least this much averaged over some seconds.
WORKING_CPU_RATIO = 0.25
# Where many share few CPUs each gets little of one: together they work if they use most of what they may use.
SHARED_CPU_PART = 0.75

# Native code went wrong: SIGILL, SIGABRT, SIGFPE, SIGSEGV, SIGSYS.
CRASHES = (4, 6, 8, 11, 31)
# A page of a mapped file could not be had.
SIGBUS = 7

# Errors of shared memory, by torch and by multiprocessing; their "No space left on device" is that of /dev/shm.
NO_SHM = re.compile(
    r"/torch_\d|insufficient shared memory|shared memory file|unable to (?:open|write|allocate|resize)[^\n]*shared"
    r"|SemLock|/dev/shm"
)
# ENOSPC, as Python and torch write it.
NO_SPACE = re.compile(r"No space left on device|\[Errno 28\]|ENOSPC")

# Of what an exception says: the first lines name the error, the rest is its values.
MOST_CHARS = 160

EXIT_CODE = define("ending.exit-code", "exit code {number}")
SIGNAL = define("ending.signal-number", "signal {number}")
ENDED = define("episode.ended", "{who} ended: {ending}")
RAISED = define("episode.raised", "{who} raised {error}: {message}")
RAISED_ALONE = define("episode.raised-alone", "{who} raised {error}")

# A task in the freezer of a control group, by state and wait channel. Version 1: state D; since Linux 6.1 a task that
# slept stays in its wait, in which no task is otherwise in state D. Version 2: state S; the compiler may inline
# do_freezer_trap into get_signal (Linux 6.18), where nothing else sleeps so.
FREEZER = re.compile(r"refrigerator|do_freezer_trap|freezer_")
FREEZER_BY_STATE = {
    "D": re.compile(
        r"hrtimer_nanosleep|do_nanosleep|futex_|poll_schedule_timeout|do_sys_poll|do_poll|do_select|ep_poll"
    ),
    "S": re.compile(r"get_signal$"),
}


def is_in_freezer(process: ProcessSample) -> bool:
    """Whether the freezer of a control group holds the process."""
    channel, by_state = process.wait_channel or "", FREEZER_BY_STATE.get(process.state or "")
    return FREEZER.search(channel) is not None or (by_state is not None and by_state.match(channel) is not None)


def works_together(cpu_ratios: Iterable[float], effective_cpus: float) -> bool:
    """Whether anybody works: one process alone, or all of them together on too few CPUs."""
    ratios = list(cpu_ratios)
    return max(ratios, default=0.0) >= WORKING_CPU_RATIO or sum(ratios) >= SHARED_CPU_PART * effective_cpus


def signal_name(number: int) -> str:
    """SIGKILL for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ending(event: ProcessEnded) -> str | None:
    """SIGKILL, or "exit code 1", as facts have it; None if nobody could tell."""
    if event.exit_signal is not None:
        return signal_name(event.exit_signal)
    return None if event.exit_code is None else f"exit code {event.exit_code}"


def shown_ending(value: str) -> Text:
    """Return what is shown for a value of ``ending``; the name of a signal is shown as it is."""
    for start, sentence in (("exit code ", EXIT_CODE), ("signal ", SIGNAL)):
        number = value.removeprefix(start)
        if number != value and number.isdecimal():
            return sentence(number=int(number))
    return value


def process_of(sample: ProcessSample | ProcessEnded | ExceptionSeen) -> Subject:
    """Return the process that a sample or an event is about."""
    index = None if isinstance(sample, ExceptionSeen) else sample.worker_index
    return Subject(role=sample.role, index=index, pid=sample.pid)


def raised(who: Subject, error: ExceptionSeen) -> Message:
    """Return that a process raised an error, with the beginning of what it said."""
    if not error.message:
        return RAISED_ALONE(who=who, error=error.error)
    return RAISED(who=who, error=error.error, message=error.message[:MOST_CHARS])


def is_failed_save(action: ActionTaken) -> bool:
    """Whether this tells of a checkpoint that the hook could not write; a refused request names no file."""
    failed = (action.action, action.state, action.source) == ("save-checkpoint", "failed", "hook")
    if action.message is None:  # a tape of before
        return failed and ".pth: " in action.text
    return failed and has(action.message, *NOT_SAVED)


def is_saved(event: Record) -> bool:
    """Whether this tells of a checkpoint that was written, by nnU-Net or by the hook."""
    if isinstance(event, ActionTaken):
        return (event.action, event.state, event.source) == ("save-checkpoint", "done", "hook")
    return isinstance(event, Noted) and event.what == "checkpoint"


def saved_file(saved: Noted) -> str:
    """Return the checkpoint that a note is about; tapes of before have its name in their text."""
    return saved.text if saved.message is None else str(saved.message.value("file"))
