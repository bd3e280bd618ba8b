"""Facts about /dev/shm, through which data workers pass their batches."""

from __future__ import annotations

from math import prod

from holter.evidence.error_kinds import error_kind
from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window, last
from holter.evidence.words import NO_SHM, NO_SPACE
from holter.linux.signals import Signal
from holter.records import DATA_WORKERS, ExceptionSeen, HostSample
from holter.sentences import define

# The host is sampled once a second, and one batch in transfer is a large share of a small /dev/shm.
SLACK_S = 5.0
FULL_RATIO = 0.9
# One voxel of a batch: float32 image and int16 segmentation.
VOXEL_BYTES = 6

NEEDED = define("seen.shm.needed", "at least {need:bytes} of {total:bytes}")
WAS_FULL = define("seen.shm.full", "{used:percent} % of /dev/shm was in use")
ENDING_UNKNOWN = define("why.shm.ending-unknown", "how the worker ended is not known")
NO_DESCRIPTORS = define(
    "why.shm.no-descriptors", "shared memory could not be opened because no file descriptors were left"
)
NO_ERROR = define("why.shm.no-error", "no exception about a lack of shared memory")
NO_SIZES = define("why.shm.no-sizes", "patch size or queues are not known")
NOT_FAILED = define("why.shm.not-failed", "nothing failed because of shared memory")
NOT_FULL = define("why.shm.not-full", "/dev/shm was not full")
USE_UNKNOWN = define("why.shm.use-unknown", "the use of /dev/shm was not recorded")


def collect(window: Window, book: FactBook) -> None:
    """Add size and use of /dev/shm, the least bytes that full queues need, and whether an error names it."""
    hosts = _hosts(window)
    shm = [(host.shm_used_bytes or 0, host.shm_total_bytes) for host in hosts if host.shm_total_bytes]
    total = shm[-1][1] if shm else None
    book.known("shm.total_bytes", total)
    book.known("shm.used_ratio", max((used / whole for used, whole in shm), default=None))
    need = _needed_bytes(window)
    ratio = need / total if need is not None and total else None
    book.known("shm.needed_ratio", ratio, NEEDED(need=need, total=total), unless=NO_SIZES())
    _trouble(window, book)


# From a minute before until the end of the episode; a death frees memory, so later samples do not count.
def _hosts(window: Window) -> list[HostSample]:
    end_s = window.episode.start_s + SLACK_S if window.episode.kind == "death" else window.end_s
    return [tick.host for tick in window.all if tick.host and window.episode.start_s - 60 <= tick.t_s <= end_s]


# State whether a write to shared memory failed: an exception, or SIGBUS while it was full.
def _trouble(window: Window, book: FactBook) -> None:
    book.not_applicable("shm.no_space", NO_ERROR())
    start_s, end_s = window.episode.start_s - SLACK_S, window.end_s + SLACK_S
    of_descriptors = False
    for exception in window.recording.events(ExceptionSeen, start_s=start_s, end_s=end_s):
        text = f"{exception.error}: {exception.message}"
        if exception.echo or not NO_SHM.search(f"{text}\n{exception.traceback}"):
            continue
        kind = error_kind(text)
        if kind not in ("descriptors", "memory"):  # a mapping that is refused needs no space in /dev/shm
            book.known("shm.trouble", "no-room", text[:200])
            book.known("shm.no_space", NO_SPACE.search(text[:200]) is not None)
            return
        of_descriptors = of_descriptors or kind == "descriptors"
    ended = book.facts.get("worker.exit_signal")
    if of_descriptors and (ended is None or ended.value != Signal.SIGBUS):
        book.not_applicable("shm.trouble", NO_DESCRIPTORS())
    elif ended is None or ended.status == "unknown":
        book.unknown("shm.trouble", ENDING_UNKNOWN())
    elif ended.value != Signal.SIGBUS:
        book.not_applicable("shm.trouble", NOT_FAILED())
    else:
        used = book.value("shm.used_ratio")
        if used is None:
            book.unknown("shm.trouble", USE_UNKNOWN())
        elif isinstance(used, (int, float)) and used >= FULL_RATIO:
            book.known("shm.trouble", "bus-error", WAS_FULL(used=used))
        else:
            book.not_applicable("shm.trouble", NOT_FULL())


# A lower bound: batches of full queues plus one per worker, with one channel.
def _needed_bytes(window: Window) -> float | None:
    environment = window.recording.environment
    plans = dict(environment.plans) if environment is not None else {}
    beat = last(beat for tick in window.all for beat in tick.beats if beat.role == "main" and beat.worker_queue_size)
    try:
        voxels = int(plans["batch_size"]) * prod(int(word) for word in plans["patch_size"].split(" x "))
    except (KeyError, ValueError):
        return None
    if beat is None:
        return None
    workers = max((sum(p.role in DATA_WORKERS for p in tick.processes) for tick in window.all[-120:]), default=0)
    batches = (beat.worker_queue_size or 0) + (beat.ready_queue_size or 0) + workers
    return float(batches * voxels * VOXEL_BYTES)
