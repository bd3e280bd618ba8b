"""Facts about deaths: who ended first and how, the first exception, out-of-memory kills."""

from __future__ import annotations

import re
from collections.abc import Callable

from holter.evidence.error_kinds import OTHER, error_kind
from holter.evidence.fact_book import FactBook
from holter.evidence.facts.training.sent_to_all import with_others
from holter.evidence.frames import describe
from holter.evidence.reasons import ENDING_UNKNOWN, NO_EXCEPTION, NO_EXCEPTION_READ, NO_FILE_NAMED, NO_PROCESS_TREE
from holter.evidence.window import Window, last
from holter.evidence.words import CASE_IN_HAND, CUT, LOOP, cut_off, ending, process_of
from holter.history.own_actions import Wanted
from holter.linux.signals import Signal
from holter.patterns import later
from holter.records import (
    DATA_WORKERS,
    WORKERS,
    ActionTaken,
    ExceptionSeen,
    KernelMessage,
    LogLine,
    Noted,
    ProcessBorn,
    ProcessEnded,
    Subject,
    Tick,
)
from holter.sentences import define
from holter.texts.secondary_errors import is_echo
from holter.texts.stacks import parse_faulthandler

BY_SIGNAL = define("worker.by-signal", "a signal ended it")
NO_SIGNAL = define("worker.no-signal", "no signal ended it")
NO_CURRENT_FRAME = define("worker.no-current-frame", "no Python frame of the thread that crashed was printed")
# A victim was seen within this time before, also where a machine without memory is hardly read any more.
BEFORE_KILL_S = 120.0
# Reports of one crash from several sources differ by up to this much in time.
SLACK_S = 5.0
ENDS_ON_PURPOSE = ("KeyboardInterrupt", "SystemExit")
# Messages for a preprocessed file that ends too early: numpy, blosc2, pickle, zip.
TRUNCATED = later(
    r"mmap length is greater than file size|EOFError|Ran out of input|pickle data was truncated|"
    r"Error while (?:opening|reading|getting|decompress|creating the lazy)|blosc2?_schunk_open|"
    r"File is not a zip file|BadZipFile|Unable to (?:open(?! shared memory)|decompress)|could not be decompressed|"
    r"EOF: reading array data|cannot mmap an empty file|Failed to read all data for array|"
    r"Error -\d+ while decompressing",
    re.IGNORECASE,
)
# Those of them that no other trouble raises.
SURELY_TRUNCATED = later(
    r"mmap length is greater than file size|EOF: reading array data|cannot mmap an empty file|No data left in file|"
    r"Failed to read all data for array|pickle data was truncated|Bad CRC-32 for file|Error -\d+ while decompressing",
)
# The same where such code raised it; other code raises these for other reasons.
PERHAPS_TRUNCATED = later(r"cannot reshape array of size|Compressed file ended before")
# Code that reads cases, only in the innermost frames: further out any trainer has such frames.
READS_DATA = later(r"in load_case|in read_array|blosc2|npyio|memmap|in _convert_to_npy|\b(?:zipfile|gzip|nibabel)\b")
NEAREST_FRAMES = 8
EXCEPTION_FACTS = tuple(f"exception.{name}" for name in ("first", "kind", "role", "file", "truncated_file", "cuda_oom"))
# "slurmstepd: error: Detected 1 oom-kill event(s) in step 123.batch"; newer ones write oom_kill.
SLURM_OOM = later(r"slurmstepd\b.*?(?:Detected (\d+) )?oom[-_]kill", re.IGNORECASE)
WORKER_FACTS = tuple(
    f"worker.{name}" for name in ("ending", "exit_signal", "with_others", "exit_code", "subject", "role", "fatal_frame")
)
# Files that nnU-Net reads with load_json before training.
JSON_KINDS = ("json", "splits")
JSON_FILES = (
    (later("in do_split|splits_file"), "splits_final.json"),
    (later(r"dataset\.json"), "dataset.json"),
    (later("plans"), "plans"),
)
DATA_FILE = later(r"[^\s'\"(),]+\.(?:b2nd|npy|npz|pkl)\b")

SOURCE = define("seen.worker.ending", "source: {source}")
RAISED_IN = define("seen.exception.in", "in {who}")
# The counter of OOM kills that was used.
COUNTED_BY = {
    "cgroup": define("seen.oom.by-cgroup", "counted by the cgroup"),
    "host": define("seen.oom.by-host", "counted by the host"),
}
NOT_OURS = define("seen.oom.not-ours", "{kills} counted, of processes outside the run")
NONE_ENDED = define("why.worker.none-ended", "no worker ended by itself")
NO_FRAMES = define("why.exception.no-frames", "the error is that of a short file, and no traceback shows which one")
NO_CASE = define("why.workers.case-unknown", "the case is not known")
NO_COUNTERS = define("why.oom.no-counters", "neither cgroup nor kernel counters could be read")
WHOSE_UNKNOWN = define(
    "why.oom.whose-unknown", "the kernel killed a process somewhere on this machine; its log cannot be read"
)


def collect(window: Window, book: FactBook) -> None:
    """State endings, exceptions and OOM kills around the start of the episode."""
    start_s = window.episode.start_s - SLACK_S
    end_s = window.end_s + SLACK_S
    # A user kills a frozen worker in the end: only what ended before the alarm belongs to a stall. If the main process
    # ended first, the workers end after it for that reason.
    worker_end_s = end_s if window.episode.kind == "death" else window.episode.alarm_s
    main_ends = [event.t_s for event in window.recording.events(ProcessEnded, start_s=start_s) if event.role == "main"]
    if window.episode.is_about_main:
        worker_end_s = min((worker_end_s, *main_ends))
    _worker(window, book, start_s, worker_end_s)
    _exception(window, book, start_s, end_s)
    _memory(window, book, start_s)


def _worker(window: Window, book: FactBook, start_s: float, end_s: float) -> None:
    ended = _deaths(window, start_s, end_s)
    if not ended:
        book.absent(WORKER_FACTS, NONE_ENDED(), is_sure=window.has_process_tree, otherwise=NO_PROCESS_TREE())
        return
    # Of several dead workers take the one that the episode is about, else the first.
    pids = {event.pid for event in ended}
    first_pid = window.episode.pid if window.episode.pid in pids else min(ended, key=lambda event: event.t_s).pid
    reports = [event for event in ended if event.pid == first_pid]
    best = max(
        reports,
        key=lambda event: (
            event.exit_signal is not None or event.exit_code is not None,
            bool(event.case),
            event.worker_index is not None,
        ),
    )
    book.known("worker.subject", process_of(best))
    book.known("worker.role", best.role)
    book.known("worker.ending", ending(best), SOURCE(source=best.source), unless=ENDING_UNKNOWN())
    signal_number = best.exit_signal if best.exit_code is None else 0
    book.known("worker.exit_signal", signal_number, unless=ENDING_UNKNOWN())
    if best.exit_signal is not None:
        book.known("worker.with_others", with_others(window, reports))
        book.not_applicable("worker.exit_code", BY_SIGNAL())
    else:
        if best.exit_code is None:
            book.unknown("worker.with_others", ENDING_UNKNOWN())
        else:
            book.not_applicable("worker.with_others", NO_SIGNAL())
        book.known("worker.exit_code", best.exit_code, unless=ENDING_UNKNOWN())
    case = next((event.case for event in reports if event.case), None)
    beats = [b for tick in window.all[-20:] for b in tick.beats if b.pid == best.pid and b.case]
    book.known("workers.case", case or (beats[-1].case if beats else None), unless=NO_CASE())
    marker = f"PID {best.pid}:"  # in the text of an older tape
    for note in window.recording.events(Noted, start_s=start_s, end_s=end_s):
        if note.what == "fatal-error" and (note.pid == best.pid or note.text.startswith(marker)):
            book.known("worker.fatal_frame", _crashed_frame(note.text), unless=NO_CURRENT_FRAME())


# None if the thread had no Python frame or was not printed.
def _crashed_frame(dump: str) -> str | None:
    crashed = next((thread for thread in parse_faulthandler(dump) if thread.active), None)
    return describe(crashed.frames[0]) if crashed is not None and crashed.frames else None


# Workers that died unexpectedly; those with exit code 0 only if no other worker died.
def _deaths(window: Window, start_s: float, end_s: float) -> list[ProcessEnded]:
    wanted = Wanted(window.recording.events(ProcessEnded, ProcessBorn, ActionTaken))
    ended = [
        event
        for event in window.recording.events(ProcessEnded, start_s=start_s, end_s=end_s)
        if event.role in WORKERS
        and event not in wanted
        # A SIGTERM comes from the parent's cleanup: an echo.
        and (event.exit_signal != Signal.SIGTERM or event.pid == window.episode.pid)
    ]
    died = [event for event in ended if event.exit_code != 0]
    return died or [event for event in ended if event.source == "hook" and event.role in DATA_WORKERS]


def _exception(window: Window, book: FactBook, start_s: float, end_s: float) -> None:
    # While the training runs, a console may hold a handled error or another fold's error.
    only_hook = window.episode.kind != "death" and window.has_heartbeat
    seen = [
        event
        for event in window.recording.events(ExceptionSeen, start_s=start_s, end_s=end_s)
        if not event.echo and event.error not in ENDS_ON_PURPOSE and (event.source == "hook" or not only_hook)
    ] or _caught(window, start_s, end_s)
    if not seen:
        book.absent(EXCEPTION_FACTS, NO_EXCEPTION(), is_sure=window.has_heartbeat, otherwise=NO_EXCEPTION_READ())
        return
    # Hook and log report the same exception; the hook knows the case.
    first = min(seen, key=lambda event: (round(event.t_s), event.source != "hook", event.t_s))
    words = None if first.error else cut_off(first)
    text = f"{first.error}: {first.message}" if words is None else CUT
    book.known("exception.first", text[:400], RAISED_IN(who=Subject(role=first.role, pid=first.pid)), words=words)
    # A terminal breaks a message into lines anywhere.
    kind = error_kind(f"{text}\n{' '.join(text.split())}\n{first.traceback}")
    is_named = words is None or kind != OTHER  # a cut-off error may be of any kind
    torch = _torch_version(window) if kind == "cpu-torch" else ""
    book.known("exception.kind", kind if is_named else None, torch, unless=words)
    book.known("exception.role", first.role)
    is_oom = error_kind(text) == "cuda-oom" and kind != "pinned-memory"
    book.known("exception.cuda_oom", is_oom if is_named else None, unless=words)
    if first.case:
        book.known("workers.case", first.case)
    named = DATA_FILE.findall(f"{text}\n{first.traceback}")
    json_file = _json_file(first.traceback) if kind in JSON_KINDS else None
    file = json_file or (named[-1] if named else None)
    if file is None and first.case:  # .b2nd, .npz or .npy: not known
        book.known("exception.file", f"{first.case} (case in hand)", words=CASE_IN_HAND(case=first.case))
    else:
        book.known("exception.file", file, unless=NO_FILE_NAMED())
    # A broken pipe between processes raises EOFError too, so the traceback must show code that reads cases.
    nearest = '  File "'.join(first.traceback.split('  File "')[-NEAREST_FRAMES:])
    # Only numpy's file reader raises this for a short file; other code raises it for any array.
    is_short = "cannot reshape array" in text and "in read_array" in nearest
    in_data_code = bool(READS_DATA.search(nearest))
    is_read = TRUNCATED.search(text) is not None and (in_data_code or bool(named))
    is_truncated = is_short or is_read or kind in JSON_KINDS
    if (
        not is_truncated
        and 'File "' not in first.traceback
        and (SURELY_TRUNCATED.search(text) or PERHAPS_TRUNCATED.search(text))
    ):
        book.unknown("exception.truncated_file", NO_FRAMES())
    else:
        book.known("exception.truncated_file", is_truncated if is_truncated or is_named else None, unless=words)


# An exception that ended nnU-Net's loop, and that its program caught before it left too early with exit code 0.
def _caught(window: Window, start_s: float, end_s: float) -> list[ExceptionSeen]:
    ends = window.recording.events(ProcessEnded, start_s=start_s, end_s=end_s)
    if not any(event.role == "main" and event.early for event in ends):
        return []
    loop = [note for note in window.recording.events(Noted, end_s=end_s) if note.text == LOOP]
    if not loop or loop[-1].what != "aborted" or loop[-1].message is None:
        return []
    error, said = (str(loop[-1].message.value(name) or "") for name in ("error", "text"))
    if error in ENDS_ON_PURPOSE or is_echo(error, said, ""):
        return []
    return [ExceptionSeen(t_s=loop[-1].t_s, pid=loop[-1].pid, role="main", error=error, message=said, source="hook")]


def _torch_version(window: Window) -> str:
    environment = window.recording.environment
    return "" if environment is None else dict(environment.versions).get("torch", "")


# Which of nnU-Net's JSON files ``load_json`` could not read, if the calling line shows it.
def _json_file(traceback: str) -> str | None:
    frame_and_call = traceback.rpartition(", in load_json")[0].splitlines()[-4:]
    about = "\n".join(frame_and_call)
    return next((name for pattern, name in JSON_FILES if pattern.search(about)), None)


def _memory(window: Window, book: FactBook, start_s: float) -> None:
    lately = [tick for tick in window.all if tick.t_s >= start_s - BEFORE_KILL_S]  # the kernel uses a PID again
    pids = {process.pid for tick in lately for process in tick.processes}
    kernel = [
        event
        for event in window.recording.events(KernelMessage, start_s=start_s, end_s=window.end_s + SLACK_S)
        if event.what == "oom-kill" and event.pid in pids
    ]
    slurm = _kills_by_slurm(window, start_s)
    readable = not any(note.what == "kernel-log-unreadable" for note in window.recording.events(Noted))
    counted = _growth(window, start_s)
    if kernel:
        book.known("oom.kills", len(kernel), kernel[0].text[:160])
    elif slurm is not None and (counted is None or counted[0] == 0):
        book.known("oom.kills", *slurm)
    elif counted is None:
        book.unknown("oom.kills", NO_COUNTERS())
    elif counted[0] > 0 and readable:
        # The kernel log names its victims; none of them is ours.
        book.known("oom.kills", 0, NOT_OURS(kills=counted[0]))
    elif counted[0] > 0 and counted[1] == "host":
        book.unknown("oom.kills", WHOSE_UNKNOWN())
    else:
        book.known("oom.kills", counted[0], COUNTED_BY[counted[1]]())
    ticks = [tick for tick in window.all if tick.t_s >= window.episode.start_s - 60]
    used = [_used_ratio(tick) for tick in ticks]
    known = [ratio for ratio in used if ratio is not None]
    book.known("memory.used_ratio", max(known) if known else None)


# Slurm counts in the cgroup of the step, which may be above ours, and prints it in the job's output.
def _kills_by_slurm(window: Window, start_s: float) -> tuple[int, str] | None:
    for line in window.recording.events(LogLine, start_s=start_s, end_s=window.end_s + SLACK_S):
        match = SLURM_OOM.search(line.text)
        if match:
            return int(match[1] or 1), line.text[:160]
    return None


# OOM kills between the moment before the episode and its end: by the run's cgroup if it counts, else by the host.
def _growth(window: Window, start_s: float) -> tuple[int, str] | None:
    before = [tick for tick in window.all if tick.t_s <= start_s]
    counters: tuple[tuple[str, Callable[[Tick], int | None]], ...] = (
        ("cgroup", lambda tick: tick.cgroup.oom_kill_total if tick.cgroup else None),
        ("host", lambda tick: tick.host.oom_kill_total if tick.host else None),
    )
    for name, counter in counters:
        new = last(counter(tick) for tick in window.recording.ticks(None, window.end_s + SLACK_S))
        old = last(counter(tick) for tick in before)
        if new is not None:
            first = next((value for value in map(counter, window.all) if value is not None), new)
            return new - (old if old is not None else first), name
    return None


def _used_ratio(tick: Tick) -> float | None:
    if tick.cgroup and tick.cgroup.memory_limit_bytes and tick.cgroup.memory_used_bytes is not None:
        return tick.cgroup.memory_used_bytes / tick.cgroup.memory_limit_bytes
    if tick.host and tick.host.memory_total_bytes and tick.host.memory_available_bytes is not None:
        return 1.0 - tick.host.memory_available_bytes / tick.host.memory_total_bytes
    return None
