"""Facts about reading the data: volume size, what workers spend time on, and the page cache."""

from __future__ import annotations

import re
from math import prod

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import NO_EXCEPTION, NO_EXCEPTION_READ, NO_PLANS
from holter.evidence.window import Window
from holter.patterns import later
from holter.records import DATA_WORKERS, ExceptionSeen, StackDump, Tick
from holter.sentences import define

# Stacks needed for a share.
ENOUGH_STACKS = 3
# The innermost matching frame decides: a worker reads a case, cuts it out, then transforms it.
READS = later(r"load_case|crop_and_pad_nd|get_bbox|blosc2|memmap")
TRANSFORMS = later(r"batchgeneratorsv?2?/transforms|batchgenerators/augmentations|dynamic_network|acvl_utils/cropping")
# With fewer bytes the trend of reading is unknown.
LITTLE_BYTES = 20e6
THIRDS = 3
ENOUGH_S = 60.0
WINDOWS_DRIVES = ("9p", "drvfs", "v9fs")
PINNED = later(r"pin_memory|cudaHostAlloc|cudaHostRegister|pinned", re.IGNORECASE)
VOXELS = define("seen.plan.voxels", "{size} voxels")
READING = define("seen.reading.stacks", "{reads} of {stacks} stacks")
LATE_READS = define("seen.cache.late-reads", "{late:bytes} in the last third, {early:bytes} in the first")
FEW_READS = define("why.cache.few-reads", "hardly anything was read from storage at first")
TOO_SHORT = define("why.cache.too-short", "reading was not recorded long enough")
FEW_STACKS = define("why.reading.few-stacks", "too few stacks of working data workers")
NOT_WSL = define("why.storage.not-wsl", "this is not WSL")
MACHINE_UNKNOWN = define("why.storage.machine-unknown", "the kind of machine or file system is not known")
NO_MEMORY = later(r"out of memory|CUDA error|alloc", re.IGNORECASE)


def collect(window: Window, book: FactBook) -> None:
    """State the size of the volumes, the share of reading, and how much comes from storage."""
    environment = window.recording.environment
    plans = dict(environment.plans) if environment is not None else {}
    size = plans.get("median_image_size")
    book.known("plan.median_voxels", _voxels(size), VOXELS(size=size), unless=NO_PLANS())
    _share(window, book)
    _cache(window, book)
    machine = environment.virtual_machine if environment is not None else None
    kind = book.value("storage.fs_type")
    if machine is not None and machine != "wsl":
        book.not_applicable("storage.windows_drive", NOT_WSL())
    elif machine is None or kind is None:
        book.unknown("storage.windows_drive", MACHINE_UNKNOWN())
    else:
        book.known("storage.windows_drive", kind in WINDOWS_DRIVES, str(kind))
    _pinned(window, book)


def _voxels(size: str | None) -> float | None:
    try:
        return prod(float(word) for word in size.split(" x ")) if size else None
    except ValueError:
        return None


def _share(window: Window, book: FactBook) -> None:
    start_s, end_s = window.episode.start_s - 1, window.end_s + 1
    dumps = [d for d in window.recording.stacks() if d.role in DATA_WORKERS and start_s <= d.t_s <= end_s]
    doing = [task for dump in dumps if (task := _doing(dump)) is not None]
    if len(doing) < ENOUGH_STACKS:
        book.unknown("reading.share", FEW_STACKS())
    else:
        reads = doing.count("reads")
        book.known("reading.share", reads / len(doing), READING(reads=reads, stacks=len(doing)))


# None for a worker that waits for space in its queue.
def _doing(dump: StackDump) -> str | None:
    for thread in dump.threads:
        for frame in thread.frames:
            place = f"{frame.file}:{frame.function}"
            if TRANSFORMS.search(place):
                return "transforms"
            if READS.search(place):
                return "reads"
    return None


# Bytes from storage in the last third of the recording over those in the first.
def _cache(window: Window, book: FactBook) -> None:
    reads = _reads(window.all)
    if not reads or reads[-1][0] - reads[0][0] < ENOUGH_S:
        book.unknown("cache.reads_late_ratio", TOO_SHORT())
        return
    begin_s, span_s = reads[0][0], (reads[-1][0] - reads[0][0]) / THIRDS
    early = sum(count for t_s, count in reads if t_s <= begin_s + span_s)
    late = sum(count for t_s, count in reads if t_s > begin_s + (THIRDS - 1) * span_s)
    if early < LITTLE_BYTES:
        book.not_applicable("cache.reads_late_ratio", FEW_READS())
    else:
        book.known("cache.reads_late_ratio", late / early, LATE_READS(late=late, early=early))


# (time, bytes read from storage since the last sample) for every sample of a process.
def _reads(ticks: tuple[Tick, ...]) -> list[tuple[float, int]]:
    before: dict[int, int] = {}
    reads = []
    for tick in ticks:
        for process in tick.processes:
            if process.read_bytes_total is not None:
                more = process.read_bytes_total - before.get(process.pid, process.read_bytes_total)
                before[process.pid] = process.read_bytes_total
                reads.append((tick.t_s, more))
    return reads


def _pinned(window: Window, book: FactBook) -> None:
    seen = [
        f"{error.error}: {error.message}\n{error.traceback}"
        for error in window.recording.events(ExceptionSeen, start_s=window.episode.start_s - 5, end_s=window.end_s + 5)
        if not error.echo
    ]
    if seen:
        book.known("exception.pinned_memory", any(PINNED.search(text) and NO_MEMORY.search(text) for text in seen))
    else:
        name, is_sure = "exception.pinned_memory", window.has_heartbeat
        book.absent(name, NO_EXCEPTION(), is_sure=is_sure, otherwise=NO_EXCEPTION_READ())
