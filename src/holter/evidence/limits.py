"""Facts about the limits of a process (ulimit): which was reached, and its value."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.evidence.words import signal_name
from holter.records import ProcessEnded, ProcessSample, Text
from holter.sentences import define

# The kernel sends SIGXCPU at the soft limit and SIGKILL at the hard one. The last look was up to this much CPU ago.
CPU_SLACK_S = 5.0
CPU_PART = 0.95
FILE_TOO_LARGE = re.compile(r"\[Errno 27\]|File too large")
# PyTorch's writer tells that it wrote less than it should have, and not why.
WRITES = re.compile(r"PytorchStreamWriter failed|unexpected pos \d+ vs \d+")
LIMIT_SIGNALS = {int(signal.SIGXCPU): "cpu-time", int(signal.SIGXFSZ): "file-size"}
LAST_TICKS = 30

CPU_TIME = define("limits.cpu-time", "{used:duration} of CPU time used, the limit is {limit:duration} (ulimit -t)")
FILE_SIZE = define("limits.file-size", "no file may grow beyond {limit:bytes} (ulimit -f)")
ADDRESS_SPACE = define("limits.address-space", "the process may map {limit:bytes} (ulimit -v or -d)")
BY_SIGNAL = define("limits.by-signal", "the kernel sent {signal}")
TOO_LARGE = define("limits.too-large", "a write was refused because the file is too large")
NONE_REACHED = define("limits.none-reached", "no limit of the process was reached")
NOT_ABOUT_IT = define("limits.not-about-it", "the error is not one of a limit")
NOT_SEEN = define("limits.not-seen", "the limits of the process were not seen")


class Limit(NamedTuple):
    """A limit and what it is about."""

    name: str
    value: float | None


def collect(window: Window, book: FactBook) -> None:
    """State the limit that explains an end or an exception."""
    if window.episode.kind not in ("death", "unsaved", "stall"):
        for name in ("limit.reached", "limit.value"):
            book.not_applicable(name, NONE_REACHED())
        return
    seen = {one.pid: one for tick in window.all for one in tick.processes if _has_limits(one)}
    ended = window.recording.events(ProcessEnded, start_s=window.episode.start_s - 5, end_s=window.end_s)
    for event in sorted(ended, key=lambda event: event.t_s):
        if _by_end(event, seen.get(event.pid), window, book):
            return
    text = str(book.value("exception.first") or "")
    main = next((one for one in seen.values() if one.role == "main"), None)
    size = main.file_size_limit_bytes if main is not None else None
    space = main.address_space_limit_bytes if main is not None else None
    if FILE_TOO_LARGE.search(text) or (size is not None and WRITES.search(text) and not book.value("disk.full")):
        _known(book, "file-size", size, FILE_SIZE(limit=size) if size is not None else TOO_LARGE())
    elif book.value("exception.kind") == "memory" and space is not None and space < _machine_bytes(window):
        _known(book, "address-space", space, ADDRESS_SPACE(limit=space))
    elif not _may_be_a_limit(text, str(book.value("exception.kind")), ended):
        for name in ("limit.reached", "limit.value"):
            book.not_applicable(name, NOT_ABOUT_IT())
    elif window.processes() or ended:
        for name in ("limit.reached", "limit.value"):
            book.not_applicable(name, NONE_REACHED())
    else:
        for name in ("limit.reached", "limit.value"):
            book.unknown(name, NOT_SEEN())


def _may_be_a_limit(text: str, kind: str, ended: Sequence[ProcessEnded]) -> bool:
    """Whether a limit could explain this at all."""
    signals = {event.exit_signal for event in ended}
    return kind == "memory" or bool(WRITES.search(text)) or bool(signals & {signal.SIGKILL, *LIMIT_SIGNALS})


def _by_end(event: ProcessEnded, last: ProcessSample | None, window: Window, book: FactBook) -> bool:
    """Whether a limit ended this process: by a signal of its own, or by SIGKILL at the hard limit of CPU time."""
    if event.exit_signal is None:
        return False
    which = (
        LIMIT_SIGNALS.get(signal.Signals(event.exit_signal)) if event.exit_signal in signal.valid_signals() else None
    )
    used_s = max(
        (one.cpu_s_total or 0.0 for tick in window.all[-30:] for one in tick.processes if one.pid == event.pid),
        default=0.0,
    )
    limit_s = last.cpu_time_limit_s if last is not None else None
    if which is None and event.exit_signal == signal.SIGKILL and limit_s is not None:
        nearly_s = max(CPU_PART * limit_s, limit_s - CPU_SLACK_S) if limit_s > 10 * CPU_SLACK_S else 0.8 * limit_s
        which = "cpu-time" if used_s >= nearly_s else None
    if which is None:
        return False
    if which == "cpu-time" and limit_s is not None:
        _known(book, which, limit_s, CPU_TIME(used=used_s, limit=limit_s))
    elif which == "file-size" and last is not None and last.file_size_limit_bytes is not None:
        _known(book, which, last.file_size_limit_bytes, FILE_SIZE(limit=last.file_size_limit_bytes))
    else:
        _known(book, which, None, BY_SIGNAL(signal=signal_name(event.exit_signal)))
    return True


def _known(book: FactBook, which: str, value: float | None, detail: Text) -> None:
    book.known("limit.reached", which, detail)
    book.known("limit.value", value, unless=NOT_SEEN())


def _machine_bytes(window: Window) -> float:
    """The memory of the machine: a limit above it is none."""
    return next(
        (tick.host.memory_total_bytes for tick in window.all if tick.host and tick.host.memory_total_bytes), inf
    )


def _has_limits(process: ProcessSample) -> bool:
    limits = (process.cpu_time_limit_s, process.file_size_limit_bytes, process.address_space_limit_bytes)
    return any(one is not None for one in limits)
