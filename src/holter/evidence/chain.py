"""Who waits on whom, down to the file and mount, as far as it can be seen."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook, Value
from holter.records import Link, Message, Text


def build(book: FactBook) -> tuple[Link, ...]:
    """The chain from the main thread to what holds it up; empty if not even the first step is known."""
    waits_on = book.value("main.waits_on")
    if waits_on == "batch-queue":
        return (Link(waiter="main", target="batch queue", how=_how(book, "main.waits_on")), *_data_side(book))
    if waits_on in ("export-result", "export-slot"):
        return (
            Link(waiter="main", target="export pool", how=_how(book, "main.waits_on")),
            *_export_side(book),
        )
    stands_at = book.value("main.stands_at")
    if stands_at is not None and (waits_on != "native-call" or not book.value("gpu.present")):
        return (Link(waiter="main", target=str(stands_at), how=_how(book, "main.stands_in")),)
    if waits_on == "native-call":
        return (Link(waiter="main", target="native call", how=_how(book, "main.where")), *_gpu_side(book))
    if waits_on in ("file-read", "checkpoint"):
        mount = str(book.value("workers.blocked_mount") or book.value("storage.fs_type") or "storage")
        return (Link(waiter="main", target=mount, how=_how(book, "main.where")),)
    return _stuck(book)


def _data_side(book: FactBook) -> tuple[Link, ...]:
    loop = book.value("results_loop.waits_on")
    stuck = _stuck(book)
    if loop == "tensor-hand-over":
        who = stuck[0].waiter if stuck else "a worker"
        middle = (
            Link(waiter="batch queue", target="results loop", how=_how(book, "queue.ready")),
            Link(
                waiter="results loop",
                target=f"tensor hand-over of {who}",
                how=_how(book, "results_loop.waits_on"),
            ),
        )
        return (
            *middle,
            *(Link(waiter=f"tensor hand-over of {who}", target=link.target, how=link.how) for link in stuck[:1]),
            *stuck[1:],
        )
    ended = book.value("worker.ending")
    if ended is not None:
        subject = str(book.value("worker.subject"))
        return (
            Link(waiter="batch queue", target=subject, how=_how(book, "queue.ready")),
            Link(waiter=subject, target=f"ended: {ended}", how=_how(book, "worker.ending")),
        )
    if stuck:
        return (Link(waiter="batch queue", target=stuck[0].waiter, how=_how(book, "queue.ready")), *stuck)
    place = book.value("workers.stand_at")
    if place is not None:
        detail = book.facts["workers.stand_at"].detail
        count = detail.value("count") if isinstance(detail, Message) else book.value("workers.count")
        who = f"{count} data workers"
        return (
            Link(waiter="batch queue", target=who, how=_how(book, "queue.ready")),
            Link(waiter=who, target=str(place), how=_how(book, "workers.stand_in")),
        )
    return _busy_workers(book)


def _busy_workers(book: FactBook) -> tuple[Link, ...]:
    count = book.value("workers.count")
    if not count:
        return ()
    how = f"{book.value('workers.working')} of {count} work, {_number(book.value('workers.cpu_ratio'))} cores in all"
    links = [Link(waiter="batch queue", target=f"{count} data workers", how=how)]
    effective = book.value("cpu.effective")
    if effective is not None:
        busy = book.facts.get("cpu.run_busy_ratio")
        target = f"{_number(effective)} CPUs"
        quota = book.value("cpu.quota")
        if quota is not None and quota == effective:
            target = f"CPU quota of {_number(quota)}"
        links.append(
            Link(
                waiter=f"{count} data workers",
                target=target,
                how=busy.detail or "" if busy else "effective CPUs",
            )
        )
    return tuple(links)


def _stuck(book: FactBook) -> tuple[Link, ...]:
    stopped = book.value("workers.stopped")
    if isinstance(stopped, tuple) and stopped:
        return tuple(Link(waiter=name, target="stopped (T)", how="process state") for name in stopped[:3])
    blocked = book.value("workers.blocked")
    if isinstance(blocked, tuple) and blocked:
        file = str(book.value("workers.blocked_file") or "a read")
        mount = str(book.value("workers.blocked_mount") or "storage")
        first = blocked[0] if len(blocked) == 1 else f"{len(blocked)} workers"
        return (
            Link(waiter=first, target=file, how="system call or wait channel"),
            Link(waiter=file, target=mount, how="mount of the file"),
        )
    locked = book.value("workers.locked")
    if isinstance(locked, tuple) and locked:
        where = book.value("workers.lock")
        target = f"a lock in {where}" if where else "a lock"
        return tuple(Link(waiter=name, target=target, how="not woken once") for name in locked[:3])
    return ()


def _export_side(book: FactBook) -> tuple[Link, ...]:
    replaced = book.value("export.replaced")
    if isinstance(replaced, int) and replaced > 0:
        how = str(book.value("export.ending") or "younger than its pool")
        return (
            Link(waiter="export pool", target="result of a lost export worker", how=how),
            Link(
                waiter="result of a lost export worker",
                target="nobody",
                how="the pool replaced the worker, not its task",
            ),
        )
    stuck = _stuck(book)
    count = book.value("export.workers")
    if stuck:
        return (Link(waiter="export pool", target=stuck[0].waiter, how="process state"), *stuck)
    return (Link(waiter="export pool", target=f"{count} export workers", how="process tree"),) if count else ()


def _gpu_side(book: FactBook) -> tuple[Link, ...]:
    stage = book.value("gpu.licence_stage")
    if stage not in (None, "licensed"):
        text = str(book.value("gpu.licence_text") or stage)
        return (
            Link(waiter="native call", target="vGPU", how=_how(book, "gpu.utilization_ratio")),
            Link(waiter="vGPU", target="vGPU licence", how=text),
        )
    if book.value("gpu.present"):
        return (Link(waiter="native call", target="GPU", how=_how(book, "gpu.utilization_ratio")),)
    return ()


def _how(book: FactBook, name: str) -> Text:
    fact = book.facts.get(name)
    if fact is None or fact.status != "known":
        return ""
    return fact.detail or f"{name} = {fact.value}"


def _number(value: Value | None) -> str:
    return f"{value:.1f}" if isinstance(value, (int, float)) else "?"
