"""Constants, patterns and sentences shared by evidence and detectors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from holter.linux.signals import Signal
from holter.patterns import later
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

# batchgenerators polls its queues every 2 ms, which costs an idle process 2 to 8 % of a core. A working process uses
# most of a core; where many share few cores, at least this much averaged over some seconds.
WORKING_CPU_RATIO = 0.25
# Many processes on few CPUs get little each: together they work if they use most of what is allowed.
SHARED_CPU_PART = 0.75

# Native crashes: SIGILL, SIGABRT, SIGFPE, SIGSEGV, SIGSYS.
CRASHES = (4, 6, 8, 11, 31)
# A page of a mapped file could not be read.
SIGBUS = 7

# Errors of shared memory in torch and multiprocessing; their "No space left on device" means /dev/shm.
NO_SHM = later(
    r"/torch_\d|insufficient shared memory|shared memory file|unable to (?:open|write|allocate|resize)[^\n]*shared"
    r"|SemLock|/dev/shm|<filename not specified>"
)
# ENOSPC, as Python and torch write it.
NO_SPACE = later(r"No space left on device|\[Errno 28\]|ENOSPC")

# The hook's name for nnU-Net's own loop, in its notes that it began, returned, or was left by an exception.
LOOP = "run_training"

# The first exception where only its place is known: the text ends before the line that names the error.
CUT = "(cut off)"
# The first lines of an exception name the error; the rest are its values.
MOST_CHARS = 160

EXIT_CODE = define("ending.exit-code", "exit code {number}")
SIGNAL = define("ending.signal-number", "signal {number}")
# A file by its case, where its name is not known.
CASE_IN_HAND = define("seen.case-in-hand", "{case} (the case that it is working on)")
ENDED = define("episode.ended", "{who} ended: {ending}")
RAISED = define("episode.raised", "{who} raised {error}: {message}")
RAISED_ALONE = define("episode.raised-alone", "{who} raised {error}")
# A traceback of which only the first lines are there.
CUT_OFF = define("seen.exception.cut-off", "an error whose name is cut off[[, in {function} ({file}, line {line})]]")
LAST_FRAME = later(r'^ *File "(?:[^"\n]*[/\\])?([^"/\\\n]+)", line (\d+), in (\S+)', re.MULTILINE)

# Wait channels of a page fault or read that storage has not answered: Linux 4.15 to 6.x, NFS, FUSE, Lustre.
STORAGE_CHANNELS = (
    "folio_wait_bit", "wait_on_page_bit", "io_schedule", "nfs_wait", "rpc_wait", "fuse_wait", "request_wait_answer",
    "fuse_get_req", "cl_sync_io_wait", "wait_on_buffer", "filemap_fault", "iomap_", "cifs_",
)  # fmt: skip
# State and wait channel of a task in a cgroup freezer. Version 1: state D; since Linux 6.1 a sleeping task keeps its
# wait channel, where no other task is in state D. Version 2: state S; the compiler may inline do_freezer_trap into
# get_signal (Linux 6.18), where nothing else sleeps.
FREEZER = later(r"refrigerator|do_freezer_trap|freezer_")
FREEZER_BY_STATE = {
    "D": later(r"hrtimer_nanosleep|do_nanosleep|futex_|poll_schedule_timeout|do_sys_poll|do_poll|do_select|ep_poll"),
    "S": later(r"get_signal$"),
}


def is_in_freezer(process: ProcessSample) -> bool:
    """Return whether the process is stopped by a cgroup freezer."""
    channel, by_state = process.wait_channel or "", FREEZER_BY_STATE.get(process.state or "")
    return FREEZER.search(channel) is not None or (by_state is not None and by_state.match(channel) is not None)


def waits_for_storage(process: ProcessSample) -> bool:
    """Return whether the kernel's wait channel shows that storage has not answered yet."""
    return any(word in (process.wait_channel or "") for word in STORAGE_CHANNELS)


def works_together(cpu_ratios: Iterable[float], effective_cpus: float) -> bool:
    """Return whether the processes work: one of them uses much CPU, or all together use the few CPUs that they have."""
    ratios = list(cpu_ratios)
    return max(ratios, default=0.0) >= WORKING_CPU_RATIO or sum(ratios) >= SHARED_CPU_PART * effective_cpus


def signal_name(number: int) -> str:
    """Return the name of a signal: SIGKILL for 9."""
    try:
        return Signal(number).name
    except ValueError:
        return f"signal {number}"


def ending(event: ProcessEnded) -> str | None:
    """Return how a process ended, as a value of facts: "SIGKILL" or "exit code 1"; None if unknown."""
    if event.exit_signal is not None:
        return signal_name(event.exit_signal)
    return None if event.exit_code is None else f"exit code {event.exit_code}"


def shown_ending(value: str) -> Text:
    """Return the text to show for a value of ``ending``; signal names are shown unchanged."""
    for start, sentence in (("exit code ", EXIT_CODE), ("signal ", SIGNAL)):
        number = value.removeprefix(start)
        if number != value and number.isdecimal():
            return sentence(number=int(number))
    return value


def process_of(sample: ProcessSample | ProcessEnded | ExceptionSeen) -> Subject:
    """Return the process of a sample or event."""
    index = None if isinstance(sample, ExceptionSeen) else sample.worker_index
    return Subject(role=sample.role, index=index, pid=sample.pid)


def cut_off(error: ExceptionSeen) -> Message:
    """Return the words for an exception whose own line is missing: only the place where it was raised is known."""
    frames = LAST_FRAME.findall(error.traceback)
    file, line, function = frames[-1] if frames else (None, None, None)
    return CUT_OFF(function=function, file=file, line=line)


def raised(who: Subject, error: ExceptionSeen) -> Message:
    """Return the sentence that a process raised an error, with the beginning of its message."""
    if not error.message:
        return RAISED_ALONE(who=who, error=error.error or cut_off(error))
    return RAISED(who=who, error=error.error, message=error.message[:MOST_CHARS])


def is_failed_save(action: ActionTaken) -> bool:
    """Return whether this reports a checkpoint that the hook could not write.

    It does not count if the hook refused to write at all: such an action names no file.
    """
    failed = (action.action, action.state, action.source) == ("save-checkpoint", "failed", "hook")
    if action.message is None:  # older tape
        return failed and ".pth: " in action.text
    return failed and has(action.message, *NOT_SAVED)


def is_saved(event: Record) -> bool:
    """Return whether this reports a checkpoint written by nnU-Net or the hook."""
    if isinstance(event, ActionTaken):
        return (event.action, event.state, event.source) == ("save-checkpoint", "done", "hook")
    return isinstance(event, Noted) and event.what == "checkpoint"


def saved_file(saved: Noted) -> str:
    """Return the checkpoint file of a note; older tapes have its name in the text."""
    return saved.text if saved.message is None else str(saved.message.value("file"))
