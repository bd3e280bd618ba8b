"""Facts about data workers that share CPUs: threads, waits for a CPU, and allowed CPUs."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import NO_PROCESS_TREE, NO_WORKERS
from holter.evidence.window import Window
from holter.records import DATA_WORKERS, ProcessSample, Role
from holter.sentences import define

# Counters are read every five seconds: two readings need this much time before the alarm, however short the episode is.
COUNTED_S = 15.0
# A stock data worker has three or four threads; more are the thread pools of its libraries.
FEW_THREADS = 8
# Samples needed before the CPUs of a worker count: enough for the scheduler to move it if allowed.
ENOUGH_READINGS = 10
SEEN_S = 30.0
# Cores that a run must want on average. One that sleeps wants a CPU for milliseconds, of which it may wait for each:
# this delays nothing.
WANTED_CORES = 0.2

EACH = define("seen.workers.threads-each", "of {threads:g} threads each")
WAITED = define("seen.cpu.queue", "{waited:.0f} s waited, {used:.0f} s used")
ON_CPUS = define("seen.workers.per-cpu", "{workers} workers on {cpus:cpus}")
AFFINITY = define("seen.affinity.narrowed", "CPUs: workers {workers}, the training at first {training}")
FEW = define("why.workers.few-threads", "the workers have only a few threads")
THREADS_UNREAD = define("why.workers.threads-unread", "the threads were not read")
NOT_COUNTED = define("why.cpu.queue-not-counted", "the kernel does not count it")
TOO_SHORT = define("why.workers.watched-too-short", "the workers were not watched long enough")
WANTS_NO_CPU = define("why.cpu.hardly-wanted", "the run hardly wanted a CPU ({wanted:.1f} s in {span:.0f} s)")
AFFINITY_UNREAD = define("why.affinity.unread", "the CPUs of the workers were not recorded")


def collect(window: Window, book: FactBook) -> None:
    """State threads, CPU waits and CPUs of the data workers."""
    workers = window.processes(*DATA_WORKERS)
    if not workers:
        names = ("workers.threads", "workers.running_threads", "workers.switches_per_s", "workers.per_cpu_seen")
        book.absent(names, NO_WORKERS(), is_sure=bool(window.processes()), otherwise=NO_PROCESS_TREE())
    else:
        _threads(workers, window, book)
        _places(workers, window, book)
    _waiting(window, book)
    _affinity(workers, window, book)


def _samples(window: Window, *roles: Role, since_s: float) -> dict[int, list[ProcessSample]]:
    samples: dict[int, list[ProcessSample]] = {}
    for tick in window.all:
        if tick.t_s >= since_s:
            for process in tick.processes:
                if process.role in roles:
                    samples.setdefault(process.pid, []).append(process)
    return samples


def _threads(workers: tuple[ProcessSample, ...], window: Window, book: FactBook) -> None:
    counts = [worker.threads for worker in workers if worker.threads is not None]
    threads = median(counts) if counts else None
    book.known("workers.threads", threads)
    since_s = min(window.episode.start_s, window.episode.alarm_s - COUNTED_S)
    seen = _samples(window, *DATA_WORKERS, since_s=since_s)
    running = [
        sample.threads_running for samples in seen.values() for sample in samples if sample.threads_running is not None
    ]
    if threads is not None and threads <= FEW_THREADS:
        book.not_applicable("workers.running_threads", FEW())
    else:
        mean = sum(running) / len(running) if running else None
        each = EACH(threads=threads) if threads is not None else ""
        book.known("workers.running_threads", mean, each, unless=THREADS_UNREAD())
    rates = [rate for samples in seen.values() if (rate := _switches_per_s(samples)) is not None]
    book.known("workers.switches_per_s", sum(rates) / len(rates) if rates else None)


def _switches_per_s(samples: Iterable[ProcessSample]) -> float | None:
    switches = [
        (sample.t_s, sample.involuntary_switches_total)
        for sample in samples
        if sample.involuntary_switches_total is not None
    ]
    if len(switches) < 2 or switches[-1][0] <= switches[0][0]:
        return None
    return ((switches[-1][1] or 0) - (switches[0][1] or 0)) / (switches[-1][0] - switches[0][0])


# Of the time in which main process and workers wanted a CPU, the share in which they got none.
def _waiting(window: Window, book: FactBook) -> None:
    since_s = min(window.episode.start_s, window.episode.alarm_s - COUNTED_S)
    waited = used = span_s = 0.0
    for samples in _samples(window, "main", *DATA_WORKERS, since_s=since_s).values():
        timed = [sample for sample in samples if sample.cpu_wait_s_total is not None and sample.cpu_s_total is not None]
        if len(timed) >= 2:
            waited += (timed[-1].cpu_wait_s_total or 0.0) - (timed[0].cpu_wait_s_total or 0.0)
            used += (timed[-1].cpu_s_total or 0.0) - (timed[0].cpu_s_total or 0.0)
            span_s = max(span_s, timed[-1].t_s - timed[0].t_s)
    wanted = waited + used
    if 0 < wanted < WANTED_CORES * span_s:
        book.not_applicable("cpu.queue_ratio", WANTS_NO_CPU(wanted=wanted, span=span_s))
        return
    detail = WAITED(waited=waited, used=used)
    book.known("cpu.queue_ratio", waited / wanted if wanted > 0 else None, detail, unless=NOT_COUNTED())


def _places(workers: tuple[ProcessSample, ...], window: Window, book: FactBook) -> None:
    pids = {worker.pid for worker in workers}
    readings = [tick for tick in window.all if window.episode.alarm_s - SEEN_S <= tick.t_s and tick.processes]
    cpus = {
        process.last_cpu
        for tick in readings
        for process in tick.processes
        if process.pid in pids and process.last_cpu is not None
    }
    if len(readings) < ENOUGH_READINGS or not cpus:
        book.unknown("workers.per_cpu_seen", TOO_SHORT())
    else:
        detail = ON_CPUS(workers=len(workers), cpus=len(cpus))
        book.known("workers.per_cpu_seen", len(workers) / len(cpus), detail)


# Whether the workers may use fewer CPUs than the main process was ever allowed.
def _affinity(workers: tuple[ProcessSample, ...], window: Window, book: FactBook) -> None:
    began = [p.cpus_allowed for tick in window.all for p in tick.processes if p.role == "main" and p.cpus_allowed]
    pids = {worker.pid for worker in workers}
    latest: dict[int, int] = {}
    for tick in window.all:
        latest.update({p.pid: p.cpus_allowed for p in tick.processes if p.pid in pids and p.cpus_allowed})
    if not workers and window.processes():
        book.not_applicable("affinity.narrowed", NO_WORKERS())
    elif not began or not latest:
        book.unknown("affinity.narrowed", AFFINITY_UNREAD())
    else:
        detail = AFFINITY(workers=max(latest.values()), training=max(began))
        book.known("affinity.narrowed", max(latest.values()) < max(began), detail)
