"""Facts about the limits of a process (ulimit): which was reached, and its value."""

from __future__ import annotations

import re
import signal
from typing import NamedTuple

from holter.evidence.facts import FactBook
from holter.evidence.window import Window
from holter.evidence.words import signal_name
from holter.records import ProcessEnded, ProcessSample
from holter.sentences import define

# The kernel sends SIGXCPU at the soft limit and SIGKILL at the hard one; CPU times are rounded to ticks.
CPU_PART = 0.95
FILE_TOO_LARGE = re.compile(r"\[Errno 27\]|File too large")
LIMIT_SIGNALS = {int(signal.SIGXCPU): "cpu-time", int(signal.SIGXFSZ): "file-size"}
LAST_TICKS = 30

CPU_TIME = define("limits.cpu-time", "{used:duration} of CPU time used, the limit is {limit:duration} (ulimit -t)")
FILE_SIZE = define("limits.file-size", "no file may grow beyond {limit:bytes} (ulimit -f)")
ADDRESS_SPACE = define("limits.address-space", "the process may map {limit:bytes} (ulimit -v or -d)")
BY_SIGNAL = define("limits.by-signal", "the kernel sent {signal}")
NONE_REACHED = define("limits.none-reached", "no limit of the process was reached")
NOT_SEEN = define("limits.not-seen", "the limits of the process were not seen")


class Limit(NamedTuple):
    """A limit and what it is about."""

    name: str
    value: float | None


def collect(window: Window, book: FactBook) -> None:
    """State the limit that explains an end or an exception."""
    if window.episode.kind not in ("death", "unsaved"):
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
    if FILE_TOO_LARGE.search(text):
        value = main.file_size_limit_bytes if main is not None else None
        _known(book, "file-size", value, FILE_SIZE(limit=value) if value is not None else BY_SIGNAL(signal="EFBIG"))
    elif book.value("exception.kind") == "memory" and main is not None and main.address_space_limit_bytes is not None:
        limit = main.address_space_limit_bytes
        _known(book, "address-space", limit, ADDRESS_SPACE(limit=limit))
    elif window.processes() or ended:
        for name in ("limit.reached", "limit.value"):
            book.not_applicable(name, NONE_REACHED())
    else:
        for name in ("limit.reached", "limit.value"):
            book.unknown(name, NOT_SEEN())


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
    if which is None and event.exit_signal == signal.SIGKILL and limit_s is not None and used_s >= CPU_PART * limit_s:
        which = "cpu-time"
    if which is None:
        return False
    if which == "cpu-time" and limit_s is not None:
        _known(book, which, limit_s, CPU_TIME(used=used_s, limit=limit_s))
    elif which == "file-size" and last is not None and last.file_size_limit_bytes is not None:
        _known(book, which, last.file_size_limit_bytes, FILE_SIZE(limit=last.file_size_limit_bytes))
    else:
        _known(book, which, None, BY_SIGNAL(signal=signal_name(event.exit_signal)))
    return True


def _known(book: FactBook, which: str, value: float | None, detail: object) -> None:
    book.known("limit.reached", which, detail)  # type: ignore[arg-type]
    book.known("limit.value", value, unless=NOT_SEEN())


def _has_limits(process: ProcessSample) -> bool:
    limits = (process.cpu_time_limit_s, process.file_size_limit_bytes, process.address_space_limit_bytes)
    return any(one is not None for one in limits)
