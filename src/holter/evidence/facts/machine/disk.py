"""Facts about writing: what could not be written, where, and whether the file system has free space."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from holter.evidence.disk_space import describe_mount, has_space, needed_bytes, shortage
from holter.evidence.fact_book import FactBook
from holter.evidence.frames import main_thread
from holter.evidence.reasons import NO_EXCEPTION_READ, NO_FILE_NAMED
from holter.evidence.window import Window
from holter.evidence.words import NO_SHM, is_failed_save
from holter.patterns import later
from holter.probes.training.remarks import not_saved
from holter.records import ActionTaken, Event, ExceptionSeen, LogLine, Noted, StorageSample, Text, Tick
from holter.sentences import define

# The probe reads every ten seconds; a full disk mostly shows within two readings.
SLACK_S = 25.0
# An alarm triggers a reading at once; its answer comes with the next reading.
LATE_READING_S = 12.0
# Order in which file systems are suspected if no file is named: results are written all the time.
LABELS = ("results", "tmp", "preprocessed")
# Errno 28, 122 and 30 as printed by Python, and by programs that print only the words.
ERRORS = (
    ("quota", later(r"\[Errno 122\]|Disk quota exceeded|EDQUOT")),
    ("read-only", later(r"\[Errno 30\]|Read-only file system|EROFS")),
    ("full", later(r"\[Errno 28\]|No space left on device|ENOSPC")),
)
# torch and numpy report a short write, but not its reason.
UNNAMED = later(
    r"PytorchStreamWriter failed|inline_container\.cc[^\n]*(?:write|unexpected pos)|unexpected pos \d+"
    r"|\d+ requested and \d+ written|^RuntimeError: File .+ cannot be opened"
)
FILE = later(r"'(/[^']+)'")
# In nnunetv2 2.5 to 2.8.
WRITES_LOG = "print_to_log_file"
CHECKPOINT = later(r"checkpoint\w*\.pth")

IN_ITS_LOG = define("seen.disk.in-log", "the main thread tries to write its log")
MOUNTED_READ_ONLY = define("seen.disk.read-only", "{folder} is mounted read-only")
FREE_OF = define("seen.disk.free-of", "{free:bytes} free of {total:bytes} in {folder}")
FREE = define("seen.disk.free", "{free:bytes} free in {folder}")
UNSAID = define("why.disk.error-unsaid", "the error does not say why: {error}")
NONE_FAILED = define("why.disk.none-failed", "no write failed for lack of space")
NOT_READ = define("why.disk.not-read", "the results folder was not read")
NO_ANSWER = define("why.disk.no-answer", "the file system does not answer")
NO_CHECKPOINT = define("why.disk.no-checkpoint", "no checkpoint yet")

E = TypeVar("E", ActionTaken, ExceptionSeen, LogLine, Noted)


class Failure(NamedTuple):
    """A write that failed, and its message."""

    t_s: float
    text: str  # message of the system or of a library
    file: str | None
    said: Text | None = None  # the full sentence; None: only ``text``

    @property
    def detail(self) -> Text:
        """Return the sentence about this failure, for people."""
        return self.said or self.text[:200]


def collect(window: Window, book: FactBook) -> None:
    """State the first failed write, and the state of its file system."""
    failures = _failures(window)
    named = [(kind, failed) for failed in failures if (kind := kind_of(failed.text)) is not None]
    file = next((failed.file for _, failed in named if failed.file), None)
    sample = _blamed(window, file)
    lacked = _lacking(window, sample)
    lacking = (shortage(lacked) or "full") if lacked is not None else None
    unnamed = next((failed for failed in failures if UNNAMED.search(failed.text)), None)
    _state(lacked or sample, book)
    book.known("save.failed", sum(is_failed_save(event) for event in _events(window, ActionTaken)))
    if named:
        kind, first = named[0]
        kind = "inodes" if kind == "full" and lacking == "inodes" else kind
        book.known("disk.error", kind, first.detail)
    elif lacking is not None and unnamed is not None:
        book.known("disk.error", lacking, unnamed.detail)
    elif lacking is not None and window.episode.kind == "unsaved":
        book.known("disk.error", lacking, window.episode.reason)
    elif lacking is not None and _writes_its_log(window):
        book.known("disk.error", lacking, IN_ITS_LOG())
    elif window.episode.kind == "stall" and lacked is not None and lacked.label == "results" and lacked.read_only:
        book.known("disk.error", "read-only", MOUNTED_READ_ONLY(folder=lacked.path))  # nothing can be saved there
    elif unnamed is not None and (sample is None or has_space(sample) is None):
        book.unknown("disk.error", UNSAID(error=" ".join(unnamed.text.split())[:200]))
    else:
        would_show = bool(failures) or window.has_heartbeat
        book.absent("disk.error", NONE_FAILED(), is_sure=would_show, otherwise=NO_EXCEPTION_READ())
    book.known("disk.file", file, unless=NO_FILE_NAMED())


# nnU-Net tries to write each line of its log five times, half a second apart, and prints no error.
def _writes_its_log(window: Window) -> bool:
    main = window.main()
    dump = window.stack(main.pid if main is not None else window.episode.pid)
    thread = main_thread(dump) if dump is not None else None
    return thread is not None and any(frame.function.endswith(WRITES_LOG) for frame in thread.frames)


# All messages about a failure, oldest first.
def _failures(window: Window) -> list[Failure]:
    event_lists = (
        _events(window, ActionTaken),
        _events(window, Noted),
        _events(window, ExceptionSeen),
        _events(window, LogLine),
    )
    failures = [failure(event) for events in event_lists for event in events]
    return sorted((failed for failed in failures if failed is not None), key=lambda failed: failed.t_s)


def failure(event: Event) -> Failure | None:
    """Return the failed write that this event reports; None if it reports none, or an error of shared memory."""
    if isinstance(event, ActionTaken):
        return _not_saved(event) if is_failed_save(event) else None
    if isinstance(event, Noted):
        return Failure(event.t_s, event.text, _file(event.text)) if event.what == "plot-failed" else None
    if isinstance(event, ExceptionSeen):
        text = f"{event.error}: {event.message}"
        is_ours = not event.echo and not NO_SHM.search(f"{text}\n{event.traceback}")
        return Failure(event.t_s, text, _file(text)) if is_ours else None
    if isinstance(event, LogLine) and event.level == "error" and not NO_SHM.search(event.text):
        return Failure(event.t_s, event.text, _file(event.text))
    return None


def _not_saved(event: ActionTaken) -> Failure:
    failed_save = not_saved(event.message)
    if failed_save is None:  # an older tape
        return Failure(event.t_s, event.text, _checkpoint(event.text))
    file, reason = failed_save.value("file"), failed_save.value("reason")
    words = reason if isinstance(reason, str) else ""
    return Failure(event.t_s, words, _checkpoint(str(file)), event.message)


def _events(window: Window, kind: type[E]) -> list[E]:
    start_s = window.episode.start_s - SLACK_S
    end_s = window.end_s if window.episode.kind == "death" else window.episode.alarm_s
    return list(window.recording.events(kind, start_s=start_s, end_s=end_s + 1.0))


def kind_of(text: str) -> str | None:
    """Return why a write failed: a value of ``disk.error``; None if the text is about something else."""
    return next((kind for kind, pattern in ERRORS if pattern.search(text)), None)


def _file(text: str) -> str | None:
    match = FILE.search(text)
    return match[1] if match else None


def _checkpoint(text: str) -> str | None:
    match = CHECKPOINT.search(text)
    return match[0] if match else None


def is_below(file: str, folder: str) -> bool:
    """Return whether a path is this folder or inside it."""
    return f"{file}/".startswith(f"{folder.rstrip('/')}/")


# The last sample of the file system of this file; without a file, of the first one that lacks something.
def _blamed(window: Window, file: str | None) -> StorageSample | None:
    latest: dict[str, StorageSample] = {}
    for tick in _ticks(window):
        latest.update({sample.label: sample for sample in tick.storage})
    if file is not None and file.startswith("/"):
        above = [sample for sample in latest.values() if is_below(file, sample.path)]
        if above:
            return max(above, key=lambda sample: len(sample.path))
    # Data are often mounted read-only on purpose, and a checkpoint always goes to the results.
    candidates = [latest[label] for label in LABELS if label in latest]
    if file is None:
        lacking = [sample for sample in candidates if _lacking(window, sample) is not None]
        candidates = [sample for sample in lacking if sample.label != "preprocessed"] or candidates
    return candidates[0] if candidates else None


# Ticks until the end of the episode; a full disk often ends the training before the disk is read, so a death gets more.
def _ticks(window: Window) -> tuple[Tick, ...]:
    if window.episode.kind != "death":
        return window.all
    return tuple(window.recording.ticks(None, window.end_s + LATE_READING_S))


# The first sample around the episode in which this file system lacked something.
def _lacking(window: Window, sample: StorageSample | None) -> StorageSample | None:
    if sample is None:
        return None
    start_s = window.episode.start_s - SLACK_S
    readings = [storage for tick in _ticks(window) if tick.t_s >= start_s for storage in tick.storage]
    return next(
        (reading for reading in readings if reading.label == sample.label and has_space(reading) is False), None
    )


def _state(sample: StorageSample | None, book: FactBook) -> None:
    if sample is None:
        book.unknown(("disk.folder", "disk.mount", "disk.free_bytes", "disk.full", "disk.read_only"), NOT_READ())
        return
    book.known("disk.folder", sample.path)
    book.known("disk.mount", describe_mount(sample) or None)
    book.known("disk.free_bytes", sample.free_bytes, unless=sample.problem or NO_ANSWER())
    book.known("disk.needed_bytes", sample.checkpoint_bytes and needed_bytes(sample), unless=NO_CHECKPOINT())
    room = has_space(sample)
    book.known("disk.full", None if room is None else not room and not sample.read_only, _free(sample))
    book.known("disk.read_only", sample.read_only, sample.path)


def _free(sample: StorageSample) -> Text:
    if sample.total_bytes is None:
        return FREE(free=sample.free_bytes, folder=sample.path)
    return FREE_OF(free=sample.free_bytes, total=sample.total_bytes, folder=sample.path)
