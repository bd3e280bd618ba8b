"""The waiting chain: who waits on whom, down to file and mount where these are known."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.words import shown_ending
from holter.records import Actor, Link, Message, Text
from holter.sentences import define

# More stuck workers than this add no information.
MOST_LINKS = 3

# Those who wait, and those they wait for.
MAIN = define("chain.main", "main")
BATCH_QUEUE = define("chain.batch-queue", "batch queue")
RESULTS_LOOP = define("chain.results-loop", "results loop")
HAND_OVER = define("chain.hand-over", "tensor hand-over of {worker}")
A_WORKER = define("chain.a-worker", "a worker")
DATA_WORKERS = define("chain.data-workers", "{count} data workers", one="{count} data worker")
BLOCKED_WORKERS = define("chain.blocked-workers", "{count} workers", one="{count} worker")
CPUS = define("chain.cpus", "{cpus:.1f} CPUs")
CPU_QUOTA = define("chain.cpu-quota", "CPU quota of {cpus:.1f}")
ENDED = define("chain.ended", "ended: {ending}")
STOPPED = define("chain.stopped", "stopped (T)")
A_READ = define("chain.a-read", "a read")
STORAGE = define("chain.storage", "storage")
A_LOCK = define("chain.a-lock", "a lock")
LOCK_IN = define("chain.lock-in", "a lock in {place}")
EXPORT_POOL = define("chain.export-pool", "export pool")
EXPORT_WORKERS = define("chain.export-workers", "{count} export workers", one="{count} export worker")
LOST_RESULT = define("chain.lost-result", "result of a lost export worker")
NOBODY = define("chain.nobody", "nobody")
NATIVE_CALL = define("chain.native-call", "native call")
GPU = define("chain.gpu", "GPU")
VGPU = define("chain.vgpu", "vGPU")
VGPU_LICENCE = define("chain.vgpu-licence", "vGPU licence")

# What shows the link.
WORKING = define("chain.working", "{working} of {count} work, {cores:.1f} cores in all")
WORKING_ALONE = define("chain.working-alone", "{working} of {count} work")
EFFECTIVE_CPUS = define("chain.effective-cpus", "effective CPUs")
PROCESS_STATE = define("chain.process-state", "process state")
PROCESS_TREE = define("chain.process-tree", "process tree")
BY_CALL = define("chain.by-call", "system call or wait channel")
BY_MOUNT = define("chain.by-mount", "mount of the file")
NOT_WOKEN = define("chain.not-woken", "not woken once")
YOUNGER = define("chain.younger", "younger than its pool")
UTILIZATION = define("chain.utilization", "utilisation {ratio:percent} %")
TASK_LOST = define("chain.task-lost", "the pool replaced the worker, not its task")


def build(book: FactBook) -> tuple[Link, ...]:
    """Return the links from the main thread to what blocks it; empty if the first step is unknown."""
    waits_on = book.value("main.waits_on")
    if waits_on == "batch-queue":
        return (Link(waiter=MAIN(), target=BATCH_QUEUE(), how=_how(book, "main.waits_on")), *_data_side(book))
    if waits_on in ("export-result", "export-slot"):
        return (Link(waiter=MAIN(), target=EXPORT_POOL(), how=_how(book, "main.waits_on")), *_export_side(book))
    stands_at = book.value("main.stands_at")
    if stands_at is not None and (waits_on != "native-call" or not book.value("gpu.present")):
        return (Link(waiter=MAIN(), target=str(stands_at), how=_how(book, "main.stands_in")),)
    if waits_on == "native-call":
        # A worker that was stopped a moment ago does not hold main up yet: batches are waiting.
        stopped = _stuck(book) if book.actors("workers.stopped") else ()
        return (Link(waiter=MAIN(), target=NATIVE_CALL(), how=_how(book, "main.where")), *_gpu_side(book), *stopped)
    if waits_on in ("file-read", "checkpoint"):
        mount = book.value("workers.blocked_mount") or book.value("storage.fs_type")
        return (Link(waiter=MAIN(), target=str(mount) if mount else STORAGE(), how=_how(book, "main.where")),)
    return _stuck(book)


def _data_side(book: FactBook) -> tuple[Link, ...]:
    loop = book.value("results_loop.waits_on")
    stuck = _stuck(book)
    queue, by_queue = BATCH_QUEUE(), _how(book, "queue.ready")
    if loop == "tensor-hand-over":
        hand_over = HAND_OVER(worker=stuck[0].waiter if stuck else A_WORKER())
        return (
            Link(waiter=queue, target=RESULTS_LOOP(), how=by_queue),
            Link(waiter=RESULTS_LOOP(), target=hand_over, how=_how(book, "results_loop.waits_on")),
            *(Link(waiter=hand_over, target=link.target, how=link.how) for link in stuck[:1]),
            *stuck[1:],
        )
    ended = book.value("worker.ending")
    if ended is not None:
        worker = next(iter(book.actors("worker.subject")), A_WORKER())
        return (
            Link(waiter=queue, target=worker, how=by_queue),
            Link(waiter=worker, target=ENDED(ending=shown_ending(str(ended))), how=_how(book, "worker.ending")),
        )
    if stuck:
        return (Link(waiter=queue, target=stuck[0].waiter, how=by_queue), *stuck)
    place = book.value("workers.stand_at")
    if place is not None:
        detail = book.facts["workers.stand_at"].detail
        count = detail.value("count") if isinstance(detail, Message) else book.value("workers.count")
        workers = DATA_WORKERS(count=int(count)) if isinstance(count, (int, float)) else A_WORKER()
        return (
            Link(waiter=queue, target=workers, how=by_queue),
            Link(waiter=workers, target=str(place), how=_how(book, "workers.stand_in")),
        )
    return _busy_workers(book)


def _busy_workers(book: FactBook) -> tuple[Link, ...]:
    count = book.value("workers.count")
    if not isinstance(count, (int, float)) or not count:
        return ()
    workers = DATA_WORKERS(count=int(count))
    links = [Link(waiter=BATCH_QUEUE(), target=workers, how=_working(book, int(count)))]
    effective = book.value("cpu.effective")
    if isinstance(effective, (int, float)):
        busy = book.facts.get("cpu.run_busy_ratio")
        is_quota = book.value("cpu.quota") == effective
        target = CPU_QUOTA(cpus=effective) if is_quota else CPUS(cpus=effective)
        links.append(Link(waiter=workers, target=target, how=busy.detail or "" if busy else EFFECTIVE_CPUS()))
    return tuple(links)


def _working(book: FactBook, count: int) -> Text:
    working, cores = book.value("workers.working"), book.value("workers.cpu_ratio")
    if not isinstance(working, (int, float)):
        return ""
    if not isinstance(cores, (int, float)):
        return WORKING_ALONE(working=int(working), count=count)
    return WORKING(working=int(working), count=count, cores=cores)


def _stuck(book: FactBook) -> tuple[Link, ...]:
    stopped = book.actors("workers.stopped")
    if stopped:
        return tuple(Link(waiter=worker, target=STOPPED(), how=PROCESS_STATE()) for worker in stopped[:MOST_LINKS])
    blocked = book.actors("workers.blocked")
    if blocked:
        mount = book.value("workers.blocked_mount")
        read: Actor = book.words("workers.blocked_file") or A_READ()
        first = blocked[0] if len(blocked) == 1 else BLOCKED_WORKERS(count=len(blocked))
        return (
            Link(waiter=first, target=read, how=BY_CALL()),
            Link(waiter=read, target=str(mount) if mount else STORAGE(), how=BY_MOUNT()),
        )
    where = book.value("workers.lock")
    lock = LOCK_IN(place=str(where)) if where else A_LOCK()
    return tuple(
        Link(waiter=worker, target=lock, how=NOT_WOKEN()) for worker in book.actors("workers.locked")[:MOST_LINKS]
    )


def _export_side(book: FactBook) -> tuple[Link, ...]:
    replaced = book.value("export.replaced")
    if isinstance(replaced, (int, float)) and replaced > 0:
        ended = book.value("export.ending")
        how = shown_ending(str(ended)) if ended else YOUNGER()
        return (
            Link(waiter=EXPORT_POOL(), target=LOST_RESULT(), how=how),
            Link(waiter=LOST_RESULT(), target=NOBODY(), how=TASK_LOST()),
        )
    stuck = _stuck(book)
    if stuck:
        return (Link(waiter=EXPORT_POOL(), target=stuck[0].waiter, how=PROCESS_STATE()), *stuck)
    count = book.value("export.workers")
    if not isinstance(count, (int, float)) or not count:
        return ()
    return (Link(waiter=EXPORT_POOL(), target=EXPORT_WORKERS(count=int(count)), how=PROCESS_TREE()),)


def _gpu_side(book: FactBook) -> tuple[Link, ...]:
    stage, by_gpu = book.value("gpu.licence_stage"), _utilization(book)
    if stage not in (None, "licensed"):
        licence = str(book.value("gpu.licence_text") or stage)
        return (
            Link(waiter=NATIVE_CALL(), target=VGPU(), how=by_gpu),
            Link(waiter=VGPU(), target=VGPU_LICENCE(), how=licence),
        )
    return (Link(waiter=NATIVE_CALL(), target=GPU(), how=by_gpu),) if book.value("gpu.present") else ()


def _utilization(book: FactBook) -> Text:
    fact, ratio = book.facts.get("gpu.utilization_ratio"), book.value("gpu.utilization_ratio")
    if fact is None or not isinstance(ratio, (int, float)):
        return ""
    return fact.detail or UTILIZATION(ratio=ratio)


# A fact's detail if it has one; a text value (a code location or a word) is shown as it is.
def _how(book: FactBook, name: str) -> Text:
    fact = book.facts.get(name)
    if fact is None or fact.status != "known":
        return ""
    return fact.detail or (book.words(name) or "" if isinstance(fact.value, str) else f"{name} = {fact.value}")
