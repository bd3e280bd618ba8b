"""Facts about a GPU or driver that does not respond correctly, from NVML and the kernel log."""

from __future__ import annotations

from collections.abc import Iterable

from holter.evidence.fact_book import FactBook
from holter.evidence.facts.gpu.graphics import around, kernel_errors, used_by_us
from holter.evidence.reasons import KERNEL_LOG_UNREADABLE
from holter.evidence.window import Window
from holter.patterns import later
from holter.probes.gpu import gpu as probe
from holter.records import GpuSample, Message, Noted, Text
from holter.sentences import define, parts

# NVML responds in milliseconds. A busy driver was seen to take seconds, and none that responded again took this long.
SILENT_S = 30.0

# Words of the system about a device file, and of NVML about a GPU.
_REFUSED = later(r"operation not permitted|permission denied")
_NVML_WORDS = (
    ("mismatch", later(r"version mismatch")),
    ("lost", later(r"gpu is lost|requires? reset|fallen off")),
)
_BY_KEY = {
    probe.UNREACHABLE.key: "lost",
    probe.NOT_OPEN.key: "closed",
    probe.NOT_OPEN_DEVICE.key: "closed",
    probe.NONE_LISTED.key: "closed",
}
# NVIDIA's Xid errors: the GPU or its firmware stopped, its memory is broken, a program made an error.
_XID = later(r"Xid \([^)]*\): (\d+)")
XID_KINDS = {
    "gone": frozenset({46, 62, 79, 119, 120}),
    "memory": frozenset({48, 64, 94, 95}),
    "application": frozenset({13, 31, 43, 45}),
}
_GONE_WORDS = later(r"fallen off the bus|RmInitAdapter failed")
WORST_FIRST = ("gone", "memory", "other", "application")

OF_GPU = define("seen.gpu.trouble", "GPU {gpu}: {note}")
ANSWERS = define("why.gpu.answers", "driver and GPU answer")
NOT_READ = define("why.gpu.not-read", "no GPU was read")
NO_ERROR = define("why.kernel-log.no-gpu-error", "no GPU error in the kernel log")


def collect(window: Window, book: FactBook) -> None:
    """State whether GPU and driver respond, and what the kernel log says about them."""
    _trouble(window, book)
    _xid(window, book)


def trouble(note: Text | None) -> str | None:
    """Return the problem that a note of the GPU probe reports, or None.

    A note that is plain text is a quotation (of the driver, or of an older tape): only NVML's own words count in it.
    """
    if not isinstance(note, Message):
        return _nvml_trouble(note or "")
    silent_s = next((part.value("silent") for part in parts(note) if isinstance(part, Message)), None)
    if isinstance(silent_s, (int, float)):
        return "silent" if silent_s >= SILENT_S else None
    quoted = " ".join(value for _, value in note.values if isinstance(value, str))
    if note.key in (probe.NO_DRIVER_DEVICE.key, probe.NOT_OPEN_DEVICE.key) and _REFUSED.search(quoted):
        return "forbidden"
    return _nvml_trouble(quoted) or _BY_KEY.get(note.key)


def _nvml_trouble(quoted: str) -> str | None:
    return next((word for word, pattern in _NVML_WORDS if pattern.search(quoted)), None)


def xid_kind(text: str) -> str:
    """Return the meaning of a kernel log line about a GPU: gone, memory, application or other."""
    match = _XID.search(text)
    number = int(match[1]) if match else None
    if number is None:
        return "gone" if _GONE_WORDS.search(text) else "other"
    return next((kind for kind, numbers in XID_KINDS.items() if number in numbers), "other")


def worst_xid(lines: Iterable[str]) -> str:
    """Return the line that tells of the worst error."""
    return min(lines, key=lambda line: WORST_FIRST.index(xid_kind(line)))


def _trouble(window: Window, book: FactBook) -> None:
    ticks = window.recording.ticks(*around(window))
    # Another user's GPU may be lost too; if none lists our process, any may be ours.
    own = {gpu.index for gpu in used_by_us(window.gpus(window.all))}
    notes = [
        (trouble(gpu.note), gpu)
        for tick in ticks
        for gpu in tick.gpus
        if gpu.source == "none" or not own or gpu.index in own
    ]
    problems = [(word, gpu) for word, gpu in notes if word is not None]
    if problems:
        word, gpu = problems[-1]
        # The main process cannot be killed while the driver is silent: both hang in the same place.
        hung = word == "silent" and book.value("main.state") == "D"
        book.known("gpu.trouble", "hung" if hung else word, _described(gpu))
    else:
        book.absent("gpu.trouble", ANSWERS(), is_sure=any(_answers(gpu) for _, gpu in notes), otherwise=NOT_READ())


def _described(sample: GpuSample) -> Text:
    note = sample.note or ""
    note = note[:200] if isinstance(note, str) else note
    return note if sample.source == "none" else OF_GPU(gpu=sample.index, note=note)


# A note alone is no problem: a simulated GPU has one.
def _answers(gpu: GpuSample) -> bool:
    read = gpu.utilization_ratio is not None or gpu.memory_used_bytes is not None
    return gpu.source != "none" and read and trouble(gpu.note) is None


def _xid(window: Window, book: FactBook) -> None:
    lines = kernel_errors(window)
    if lines:
        worst = worst_xid(lines)
        book.known("gpu.xid_kind", xid_kind(worst), worst[:160])
    elif any(note.what == "kernel-log-unreadable" for note in window.recording.events(Noted)):
        book.unknown("gpu.xid_kind", KERNEL_LOG_UNREADABLE())
    else:
        book.not_applicable("gpu.xid_kind", NO_ERROR())
