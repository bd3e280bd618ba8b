"""Facts about faulty hardware: kernel reports, and crashes with changing signals."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import KERNEL_LOG_UNREADABLE
from holter.evidence.window import Window
from holter.evidence.words import CRASHES, SIGBUS, signal_name
from holter.records import WORKERS, KernelMessage, Noted, ProcessEnded


def collect(window: Window, book: FactBook) -> None:
    """State machine checks, memory errors and crash signals of the whole recording."""
    end_s = window.end_s + 5
    messages = [
        message.text[:160] for message in window.recording.events(KernelMessage, end_s=end_s) if message.what == "mce"
    ]
    unreadable = any(note.what == "kernel-log-unreadable" for note in window.recording.events(Noted))
    if messages or (window.all and not unreadable):
        book.known("hardware.kernel_errors", tuple(messages))
    else:
        book.unknown("hardware.kernel_errors", KERNEL_LOG_UNREADABLE())
    crashed = {
        event.pid: signal_name(event.exit_signal)
        for event in window.recording.events(ProcessEnded, end_s=end_s)
        if event.exit_signal in (*CRASHES, SIGBUS) and event.role in ("main", *WORKERS)
    }
    is_read = window.has_process_tree or bool(crashed)
    book.known("hardware.crash_signals", tuple(sorted(set(crashed.values()))) if is_read else None)
