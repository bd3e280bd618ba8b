"""Facts about export workers in the final validation: how many, and whether one was lost and replaced."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import ENDING_UNKNOWN, NO_PROCESS_TREE
from holter.evidence.window import Window
from holter.evidence.words import ending, process_of
from holter.linux.signals import Signal
from holter.records import ProcessEnded, ProcessSample
from holter.sentences import define

# Workers of one pool start within this time; a later one replaces a dead one (multiprocessing.Pool does so silently).
POOL_START_S = 20.0

ENDED = define("seen.export.replaced", "{workers}")
NOT_EXPORTING = define("why.export.not-validating", "not in the final validation")
NONE_ENDED = define("why.export.none-ended", "no export worker was seen to end")


def collect(window: Window, book: FactBook) -> None:
    """State the workers of the export pool, replacements and the first ending."""
    exporting = window.episode.phase == "final-validation" or bool(window.processes("export-worker"))
    if not exporting:
        book.not_applicable(("export.workers", "export.replaced", "export.ending"), NOT_EXPORTING())
        return
    if not window.has_process_tree and not window.recording.events(ProcessEnded, end_s=window.end_s):
        book.unknown(("export.workers", "export.replaced", "export.ending"), NO_PROCESS_TREE())
        return
    book.known("export.workers", len(window.processes("export-worker")))
    ended = [
        event
        for event in window.recording.events(ProcessEnded, end_s=window.end_s)
        if event.role == "export-worker"
        and not event.by_parent
        and not event.expected
        and event.exit_signal != Signal.SIGTERM  # the pool ends its workers this way
    ]
    seen: dict[int, ProcessSample] = {
        process.pid: process
        for tick in window.all
        for process in tick.processes
        if process.role == "export-worker" and process.started_s is not None
    }
    pool_s = min((process.started_s or 0.0 for process in seen.values()), default=None)
    now = {process.pid for process in window.processes("export-worker")}
    late = [
        process for process in seen.values() if pool_s is not None and (process.started_s or 0) > pool_s + POOL_START_S
    ]
    if not any(process.pid in now and process not in late for process in seen.values()):
        late = []  # no worker of the first pool is left: this is another pool, not a replacement
    each = {event.pid: event for event in ended}  # several sources report one end
    replaced = max(len(each), len(late))
    named = tuple(process_of(event) for event in list(each.values())[:3])
    book.known("export.replaced", replaced, ENDED(workers=named) if named else "")
    endings = [ending(event) for event in ended if ending(event)]
    if ended:
        book.known("export.ending", endings[0] if endings else None, unless=ENDING_UNKNOWN())
    else:
        book.not_applicable("export.ending", NONE_ENDED())
