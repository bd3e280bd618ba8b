"""Facts about limits of a process (ulimit): which was reached, its value, and whether usage was seen near it."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from holter.evidence.fact_book import FactBook
from holter.evidence.facts.training.refusal import asked_bytes
from holter.evidence.window import Window
from holter.evidence.words import NO_SHM, signal_name
from holter.linux.signals import Signal
from holter.patterns import later
from holter.records import ProcessEnded, ProcessSample, Text
from holter.sentences import define

# The kernel sends SIGXCPU at the soft limit and SIGKILL at the hard one. The last sample is up to this much CPU time
# old.
CPU_SLACK_S = 5.0
CPU_PART = 0.95
FILE_TOO_LARGE = later(r"\[Errno 27\]|File too large")
# PyTorch's writer reports a short write, but not its reason.
WRITES = later(r"PytorchStreamWriter failed|unexpected pos (?P<written>\d+) vs \d+")
LIMIT_SIGNALS: dict[int, str] = {Signal.SIGXCPU: "cpu-time", Signal.SIGXFSZ: "file-size"}
LAST_TICKS = 30
# A training on the CPU was measured to map 2.7 times its resident memory.
TIMES_RESIDENT = 4
# A checkpoint is one file; plots and logs next to it are smaller.
TIMES_CHECKPOINT = 4
NAMES = ("limit.reached", "limit.value", "limit.near")
SET = {
    "limit.address_space_bytes": "address_space_limit_bytes", "limit.file_size_bytes": "file_size_limit_bytes",
    "limit.cpu_time_s": "cpu_time_limit_s",
}  # fmt: skip

CPU_TIME = define("limits.cpu-time", "{used:duration} of CPU time used, the limit is {limit:duration} (ulimit -t)")
FILE_SIZE = define("limits.file-size", "no file may grow beyond {limit:bytes} (ulimit -f)")
ADDRESS_SPACE = define("limits.address-space", "the process may map {limit:bytes} (ulimit -v or -d)")
CPU_SIGNAL = define("limits.cpu-signal", "{signal} was sent; no CPU limit of the process was seen")
BY_SIGNAL = define("limits.by-signal", "the kernel sent {signal}")
TOO_LARGE = define("limits.too-large", "a write was refused because the file is too large")
NONE_REACHED = define("limits.none-reached", "no limit of the process was reached")
NOT_ABOUT_IT = define("limits.not-about-it", "the error is not one of a limit")
NO_SUCH_LIMIT = define("limits.none-set", "no such limit is set")
NOT_SEEN = define("limits.not-seen", "the limits of the process were not seen")


class Limit(NamedTuple):
    """A limit of a process that explains the ending or the exception."""

    name: str
    value: float | None
    detail: Text
    is_near: bool  # it was read, and usage or request comes near it


def collect(window: Window, book: FactBook) -> None:
    """State the limits that are set, and the one that explains an ending or an exception."""
    _set(window, book)
    if window.episode.kind not in ("death", "unsaved", "stall"):
        book.not_applicable(NAMES, NONE_REACHED())
        return
    seen = {process.pid: process for tick in window.all for process in tick.processes if _were_limits_read(process)}
    ended = window.recording.events(ProcessEnded, start_s=window.episode.start_s - 5, end_s=window.end_s)
    ended = tuple(sorted(ended, key=lambda event: event.t_s))
    text = str(book.value("exception.first") or "")
    limit_hit = next((limit for event in ended if (limit := _by_end(event, seen.get(event.pid), window))), None)
    limit_hit = limit_hit or _of_a_file(text, seen, window, book) or _of_memory(text, seen, window, book)
    if limit_hit is not None:
        book.known("limit.reached", limit_hit.name, limit_hit.detail)
        book.known("limit.value", limit_hit.value, unless=NOT_SEEN())
        book.known("limit.near", limit_hit.is_near)
    elif not _may_be_a_limit(text, str(book.value("exception.kind")), ended):
        book.not_applicable(NAMES, NOT_ABOUT_IT())
    else:
        book.absent(NAMES, NONE_REACHED(), is_sure=bool(window.processes() or ended), otherwise=NOT_SEEN())


# The lowest limit of any process of the run.
def _set(window: Window, book: FactBook) -> None:
    seen = [process for tick in window.all for process in tick.processes if _were_limits_read(process)]
    for name, field in SET.items():
        values = [value for process in seen if (value := getattr(process, field)) is not None]
        if values:
            book.known(name, min(values))
        else:
            book.absent(name, NO_SUCH_LIMIT(), is_sure=bool(seen), otherwise=NOT_SEEN())


def _may_be_a_limit(text: str, kind: str, ended: Sequence[ProcessEnded]) -> bool:
    signals = {event.exit_signal for event in ended}
    return kind == "memory" or bool(WRITES.search(text)) or bool(signals & {Signal.SIGKILL, *LIMIT_SIGNALS})


# The limit that ended this process: by its own signal, or by SIGKILL at the hard limit of CPU time.
def _by_end(event: ProcessEnded, last: ProcessSample | None, window: Window) -> Limit | None:
    if event.exit_signal is None or event.exit_signal not in (Signal.SIGKILL, *LIMIT_SIGNALS):
        return None
    which = LIMIT_SIGNALS.get(event.exit_signal)
    if which == "file-size":
        size = last.file_size_limit_bytes if last is not None else None
        detail = BY_SIGNAL(signal=signal_name(event.exit_signal)) if size is None else FILE_SIZE(limit=size)
        return Limit(which, size, detail, is_near=size is not None)
    used_s = max(
        (
            process.cpu_s_total or 0.0
            for tick in window.all[-LAST_TICKS:]
            for process in tick.processes
            if process.pid == event.pid
        ),
        default=0.0,
    )
    limit_s = last.cpu_time_limit_s if last is not None else None
    if limit_s is not None:
        nearly_s = max(CPU_PART * limit_s, limit_s - CPU_SLACK_S) if limit_s > 10 * CPU_SLACK_S else 0.8 * limit_s
        if used_s >= nearly_s:
            return Limit("cpu-time", limit_s, CPU_TIME(used=used_s, limit=limit_s), is_near=True)
    # Batch systems also send SIGXCPU, for limits of their own.
    return None if which is None else Limit(which, None, CPU_SIGNAL(signal=signal_name(event.exit_signal)), False)


# The limit that cut a file short.
def _of_a_file(text: str, seen: dict[int, ProcessSample], window: Window, book: FactBook) -> Limit | None:
    process = _who_raised(seen, book)
    size = process.file_size_limit_bytes if process is not None else None
    is_too_large = FILE_TOO_LARGE.search(text) is not None
    if size is None:
        # If the limits were read and there is none, the file system refuses files of this size.
        return Limit("file-size", None, TOO_LARGE(), is_near=False) if is_too_large and process is None else None
    cut = WRITES.search(text)
    if not is_too_large and (cut is None or book.value("disk.full")):
        return None
    written = [sample.checkpoint_bytes or 0 for sample in window.storage("results", window.all)]
    written.append(int(cut["written"] or 0) if cut is not None else 0)
    # Shared memory itself accepts files of any size.
    is_near = size <= TIMES_CHECKPOINT * max(written) or (is_too_large and NO_SHM.search(text) is not None)
    return Limit("file-size", size, FILE_SIZE(limit=size), is_near)


# The limit that refused memory. A limit above the memory of the machine is no limit and explains no larger request.
def _of_memory(text: str, seen: dict[int, ProcessSample], window: Window, book: FactBook) -> Limit | None:
    process = _who_raised(seen, book)
    space = process.address_space_limit_bytes if process is not None else None
    asked = asked_bytes(text)
    machine = _machine_bytes(window)
    if book.value("exception.kind") != "memory" or process is None or space is None:
        return None
    if max(space, asked or 0) >= machine:
        return None
    resident = max(
        (sample.rss_bytes or 0 for tick in window.all for sample in tick.processes if sample.pid == process.pid),
        default=0,
    )
    is_near = asked is not None and (asked > space - resident or space <= TIMES_RESIDENT * resident)
    return Limit("address-space", space, ADDRESS_SPACE(limit=space), is_near)


# A process of the role that raised the first exception, else the main process.
def _who_raised(seen: dict[int, ProcessSample], book: FactBook) -> ProcessSample | None:
    roles = (book.value("exception.role"), "main")
    return next((process for role in roles for process in seen.values() if process.role == role), None)


# A limit above the memory of the machine is no limit.
def _machine_bytes(window: Window) -> float:
    return next(
        (tick.host.memory_total_bytes for tick in window.all if tick.host and tick.host.memory_total_bytes), inf
    )


# The limit of open files is read together with the others and always a number.
def _were_limits_read(process: ProcessSample) -> bool:
    limits = (process.fd_limit, process.cpu_time_limit_s, process.file_size_limit_bytes)
    return any(limit is not None for limit in (*limits, process.address_space_limit_bytes))
