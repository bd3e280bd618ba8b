"""Where the main process, or all data workers, have been stuck since the problem started, from repeated stacks.

One stack shows a moment. The frames that several stacks share, seconds apart and without a step in between, show where
a process is stuck. What it waits for (a lock, a socket, a loop) comes from the kernel. Waits of nnU-Net itself (a
batch, an export) do not count: another process causes those.
"""

from __future__ import annotations

from collections.abc import Sequence

from holter.evidence.fact_book import FactBook
from holter.evidence.facts.training.stuck_place import LOOPS, PERSON, Place, stuck_place
from holter.evidence.frames import describe
from holter.evidence.owners import OWNERS
from holter.evidence.window import Window
from holter.history.ranks import main_beat
from holter.records import DATA_WORKERS, ProcessSample, Role, StackDump
from holter.sentences import define

# Equal stacks this far apart are no coincidence: steps are shorter.
APART_S = 2.0
# A process in a loop usually finishes: it counts as slow until no step was made for this long.
LOOP_S = 60.0
# With more workers than are sampled, this many must be stuck in the same place.
ENOUGH_WORKERS = 8
WAITS_OF_NNUNET = ("batch-queue", "export-result", "export-slot")

KINDS = {
    PERSON: define("standing.person", "waiting for a person: a debugger, or an input at the terminal"),
    "lock": define("standing.lock", "waiting for a lock"),
    "socket": define("standing.socket", "waiting for a connection: a server, or another process"),
    "file-lock": define("standing.file-lock", "waiting for a lock on a file"),
    "poll": define("standing.poll", "waiting for an event"),
    "pipe": define("standing.pipe", "waiting for a pipe"),
    "sleep": define("standing.sleep", "sleeping"),
    "child": define("standing.child", "waiting for a child process"),
    "file": define("standing.file", "reading or writing a file"),
    "native-loop": define("standing.native-loop", "computing in native code or in a single line"),
    "python-loop": define("standing.python-loop", "computing in a Python loop"),
    "other": define("standing.other", "waiting in the kernel"),
}
MAIN_STANDS = define(
    "standing.main-stands", "the main process has been stuck in {place}, {owner}, for {age:duration}: {kind}"
)
MAIN_PAUSES = define("standing.main-pauses", "in its pauses the main process is stuck in {place}, {owner}: {kind}")
WORKERS_STAND = define(
    "standing.workers-stand",
    "all {count} data workers are stuck in {place}, {owner}: {kind}",
    one="the data worker is stuck in {place}, {owner}: {kind}",
)
SEEN_STAND = define(
    "standing.seen-stand",
    "of {count} data workers {seen} were sampled, and all of these are stuck in {place}, {owner}: {kind}",
)
NO_STACKS = define("standing.no-stacks", "fewer than two stacks, {apart:duration} apart, show where it is")
MOVES = define("standing.moves", "stacks show it in different places")
WAITS = define("standing.waits", "it waits for its workers, as it always does")
NO_WORKERS = define("standing.no-workers", "no data workers, or too few stacks of them")
NOT_ALL = define("standing.not-all", "the workers are not all in the same place")
SLOW = define("standing.slow", "the workers compute, and may only be slow")

# Frames of every nnU-Net worker that makes batches or waits for space.
_PASSES_BATCHES = ("multi_threaded_augmenter.py", "/data_loader.py", "/compose.py")


def collect(window: Window, book: FactBook) -> None:
    """State where the main process, and all workers together, are stuck."""
    _main(window, book)
    _workers(window, book)


def _main(window: Window, book: FactBook) -> None:
    names = ("main.stands_at", "main.stands_in", "main.stands_owner")
    if book.value("main.waits_on") in WAITS_OF_NNUNET:
        book.not_applicable(names, WAITS())
        return
    main = window.main()
    dumps = _dumps(window, main.pid if main is not None else window.episode.pid)
    if len(dumps) < 2 or dumps[-1].t_s - dumps[0].t_s < APART_S:
        book.unknown(names, NO_STACKS(apart=APART_S))
        return
    in_pauses = window.episode.detector == "pauses"
    place = stuck_place(dumps, window) if _is_still(window, dumps) else None
    if place is not None and place.kind in LOOPS and not (in_pauses or _is_endless(place, dumps, window, book)):
        place = None
    if place is None:
        book.not_applicable(names, MOVES())
        return
    where, owner, kind = describe(place.frame), OWNERS[place.owner](), KINDS[place.kind]()
    if in_pauses:
        detail = MAIN_PAUSES(place=where, owner=owner, kind=kind)
    else:
        since_s = window.episode.alarm_s - _age_s(book, window)
        detail = MAIN_STANDS(place=where, owner=owner, age=max(0.0, dumps[-1].t_s - since_s), kind=kind)
    book.known("main.stands_at", where, detail)
    book.known("main.stands_in", place.kind, kind)
    book.known("main.stands_owner", place.owner, owner)


def _workers(window: Window, book: FactBook) -> None:
    names = ("workers.stand_at", "workers.stand_in")
    workers = _feeding(window)
    seen = [dumps for worker in workers if (dumps := _dumps(window, worker.pid))]
    seen = [dumps for dumps in seen if len(dumps) >= 2 and dumps[-1].t_s - dumps[0].t_s >= APART_S]
    if not seen or len(seen) < min(len(workers), ENOUGH_WORKERS):
        book.unknown(names, NO_WORKERS())
        return
    places = [stuck_place(dumps, window) if _is_still(window, dumps) else None for dumps in seen]
    known_places = [place for place in places if place is not None]
    # Whether stacks show one line of a loop or two is chance: if one worker was seen to move, all are in the loop.
    first = next(
        (place for place in known_places if place.kind == "python-loop"), known_places[0] if known_places else None
    )
    spots = {
        (place.frame.file, place.frame.function, "loop" if place.kind in LOOPS else place.kind)
        for place in known_places
    }
    if None in places or len(spots) != 1 or first is None or _passes_batches(first):
        book.not_applicable(names, NOT_ALL())
        return
    if first.kind in LOOPS and not all(_is_endless(first, dumps, window, book) for dumps in seen):
        book.not_applicable(names, SLOW())
        return
    where, owner, kind = describe(first.frame), OWNERS[first.owner](), KINDS[first.kind]()
    if len(seen) == len(workers):
        detail = WORKERS_STAND(count=len(workers), place=where, owner=owner, kind=kind)
    else:
        detail = SEEN_STAND(count=len(workers), seen=len(seen), place=where, owner=owner, kind=kind)
    book.known("workers.stand_at", where, detail)
    book.known("workers.stand_in", first.kind, kind)


# nnU-Net's own loops end, so they only count as slow; other loops get ``LOOP_S``.
def _is_endless(place: Place, dumps: Sequence[StackDump], window: Window, book: FactBook) -> bool:
    beats = [beat for tick in window.all if tick.t_s <= dumps[-1].t_s for beat in tick.beats if beat.role == "main"]
    moved_s = max((beat.progressed_s for beat in beats if beat.progressed_s is not None), default=None)
    if moved_s is None:
        age_s = book.value("progress.age_s")
        moved_s = window.episode.alarm_s - (float(age_s) if isinstance(age_s, (int, float)) else 0.0)
    return place.owner != "nnunet" and dumps[-1].t_s - moved_s >= LOOP_S


# Only the workers of the current loader: those of the other one are idle meanwhile.
def _feeding(window: Window) -> Sequence[ProcessSample]:
    wanted: Role = "val-worker" if window.episode.phase == "validate" else "train-worker"
    return window.processes(wanted) or window.processes(*DATA_WORKERS)


# Stacks of a process with frames since the start of the episode, oldest first.
def _dumps(window: Window, pid: int | None) -> list[StackDump]:
    dumps = [
        dump
        for dump in window.recording.stacks()
        if dump.pid == pid and dump.t_s >= window.episode.start_s - 1 and any(thread.frames for thread in dump.threads)
    ]
    end_s = window.episode.end_s
    return sorted((dump for dump in dumps if end_s is None or dump.t_s <= end_s), key=lambda dump: dump.t_s)


# Whether no step was made between these stacks: frames that every step passes are in all of them. During pauses the
# stacks are taken inside the pauses, and steps happen in between.
def _is_still(window: Window, dumps: Sequence[StackDump]) -> bool:
    if window.episode.detector == "pauses":
        return True
    pid, start_s, end_s = dumps[0].pid, dumps[0].t_s, dumps[-1].t_s
    ticks = [tick for tick in window.all if start_s <= tick.t_s <= end_s]
    own = {beat.progress_total for tick in ticks for beat in tick.beats if beat.pid == pid}
    seen = own or {beat.progress_total for tick in ticks if (beat := main_beat(tick)) is not None}
    return len(seen) == 1 or (not seen and window.episode.kind == "stall")


# Every healthy worker is there, while it works or while the queue is full.
def _passes_batches(place: Place) -> bool:
    file = place.frame.file
    return "/multiprocessing/" in file or (place.owner == "nnunet" and file.endswith(_PASSES_BATCHES))


def _age_s(book: FactBook, window: Window) -> float:
    age = book.value("progress.age_s")
    return float(age) if isinstance(age, (int, float)) else window.episode.alarm_s - window.episode.start_s
