"""Facts about workers that sleep on a lock forever, about threads, and about open files."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.frames import describe, main_thread
from holter.evidence.reasons import NO_PROCESS_TREE
from holter.evidence.window import Window
from holter.evidence.words import process_of
from holter.records import DATA_WORKERS, Frame, ProcessSample, StackDump
from holter.sentences import define

# The main thread of a healthy worker wakes at least every 20 ms, both while it computes and while it waits for space in
# its queue (batchgenerators 0.25). If it does not wake once in this time, something else holds it.
LOCKED_S = 4.0
WAKES_PER_S = 1.0
# Waits of the passing of batches: they do not show a lock.
_OWN_WAITS = (
    "multiprocessing/",
    "threading.py",
    "queue.py",
    "selectors.py",
    "socket.py",
    "multi_threaded_augmenter.py",
)
OPEN_FILES = define("seen.fds.used", "{used} of {limit}, {process}")
MORE_FILES = define("seen.fds.grown", "from {first} to {last}")
FILES_NOT_READ = define("why.fds.not-read", "the open files were not read")
NO_LOCK = define("why.locks.none", "no worker has been waiting for a lock for long")
NO_LOCK_SEEN = define("why.locks.none-in-stack", "no stack of such a worker shows a lock")
TOO_SHORT = define("why.locks.too-short", "not observed long enough to see whether they wake up")


def collect(window: Window, book: FactBook) -> None:
    """State locked workers, the code they wait in, and open files against their limit."""
    workers = window.processes(*DATA_WORKERS)
    if not window.processes():
        book.unknown(("workers.locked", "workers.lock"), NO_PROCESS_TREE())
    else:
        _locked(workers, window, book)
    _descriptors(window, book)


def _locked(workers: tuple[ProcessSample, ...], window: Window, book: FactBook) -> None:
    held = [worker for worker in workers if worker.state == "S" and _waits_on_lock(worker)]
    wakes = {worker.pid: _wakes_per_s(worker.pid, window) for worker in held}
    locked = [worker for worker in held if (rate := wakes[worker.pid]) is not None and rate < WAKES_PER_S]
    if held and not locked and any(rate is None for rate in wakes.values()):
        book.unknown("workers.locked", TOO_SHORT())
    else:
        book.known("workers.locked", tuple(map(process_of, locked)))
    if not locked:
        book.not_applicable("workers.lock", NO_LOCK())
        return
    spots = [spot for worker in locked if (spot := _spot(window.stack(worker.pid))) is not None]
    book.known("workers.lock", spots[0] if spots else None, unless=NO_LOCK_SEEN())


def _waits_on_lock(process: ProcessSample) -> bool:
    return "futex" in (process.wait_channel or "") or process.syscall == "futex"


# Sleeps per second of its main thread during the episode.
def _wakes_per_s(pid: int, window: Window) -> float | None:
    readings = [
        (process.t_s, process.voluntary_switches_total)
        for tick in window.during
        for process in tick.processes
        if process.pid == pid and process.voluntary_switches_total is not None
    ]
    if len(readings) < 2 or readings[-1][0] - readings[0][0] < LOCKED_S:
        return None
    return (readings[-1][1] - readings[0][1]) / (readings[-1][0] - readings[0][0])


# The innermost frame of its main thread; None while it passes batches.
def _spot(dump: StackDump | None) -> str | None:
    thread = main_thread(dump) if dump is not None else None
    frame: Frame | None = thread.frames[0] if thread is not None and thread.frames else None
    if frame is None or any(word in frame.file for word in _OWN_WAITS):
        return None
    return describe(frame)


def _descriptors(window: Window, book: FactBook) -> None:
    readings = [
        process
        for tick in window.all
        if tick.t_s >= window.episode.alarm_s - 600
        for process in tick.processes
        if process.fds is not None and process.fd_limit
    ]
    if not readings:
        book.unknown(("fds.used_ratio", "fds.limit", "fds.grown"), FILES_NOT_READ())
        return
    fullest = max(readings, key=lambda process: (process.fds or 0) / (process.fd_limit or 1))
    used = OPEN_FILES(used=fullest.fds, limit=fullest.fd_limit, process=process_of(fullest))
    book.known("fds.used_ratio", (fullest.fds or 0) / (fullest.fd_limit or 1), used)
    book.known("fds.limit", fullest.fd_limit)
    same = [process.fds or 0 for process in readings if process.pid == fullest.pid]
    book.known("fds.grown", same[-1] - same[0], MORE_FILES(first=same[0], last=same[-1]))
