"""Facts about memory shortage: swapping, dropped page cache, and CPU time of the kernel's memory reclaim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import KERNEL_SILENT
from holter.evidence.window import Window, last, middle
from holter.records import CgroupSample, HostSample, Message
from holter.sentences import define

# Totals are compared over at least this long: the kernel reclaims in bursts.
SPAN_S = 5.0
BEFORE_S = 60.0
PAGE_BYTES = 4096
# Below this share of its limit a cgroup drops no cache, whatever the counters say.
LIMIT_REACHED = 0.9
# With a smaller share of the busy time the kernel does not slow the training down, and its reclaim does not matter.
SYSTEM_RATIO = 0.3
# Below this the share is noise.
BUSY_RATIO = 0.05

SWAPPED = define("seen.swap.rate", "{rate:bytes} a second")
CACHED = define("seen.memory.cached", "{cached:bytes} of {limit:bytes}")
CACHE_LEFT = define("seen.memory.cache-left", "{left:bytes} of {kept:bytes} are left")
KERNEL_TIME = define("seen.cpu.kernel-time", "{system:percent} % of all CPU time, {busy:percent} % are busy")
NO_SWAP = define("why.swap.none", "the machine has no swap space")
SWAP_NOT_READ = define("why.swap.not-read", "the amount of swapped-out memory was not read")
COUNTERS_UNREAD = define("why.kernel.counters-unread", "the counters of the kernel were not recorded")
NO_LIMIT = define("why.memory.no-limit", "no memory limit is set")
LIMIT_NOT_REACHED = define("why.memory.limit-not-reached", "the memory limit is not reached: {used:percent} %")
NOT_COUNTED = define("why.memory.not-counted", "the cgroup does not count pages that are read again")
CPUS_IDLE = define("why.cpu.idle", "the CPUs are idle")
CPU_TIMES_UNREAD = define("why.cpu.times-unread", "CPU times were not recorded")
LITTLE_KERNEL_TIME = define(
    "why.cpu.little-kernel-time", "the kernel takes only {ratio:percent} % of the busy CPU time"
)

Sample = TypeVar("Sample", HostSample, CgroupSample)


def collect(window: Window, book: FactBook) -> None:
    """State swapping, memory pressure, page cache against the limit, and the kernel's own CPU time."""
    ticks = [tick for tick in window.all if tick.t_s >= window.episode.start_s - BEFORE_S]
    hosts = [tick.host for tick in ticks if tick.host]
    groups = [tick.cgroup for tick in ticks if tick.cgroup]
    pressures = (
        middle(host.pressure_memory_full_ratio for host in hosts),
        middle(group.pressure_memory_full_ratio for group in groups),
    )
    known = [value for value in pressures if value is not None]
    book.known("pressure.memory", max(known) if known else None, unless=KERNEL_SILENT())
    _swap(window, hosts, book)
    before = [tick.cgroup for tick in window.all if tick.cgroup and tick.t_s < window.episode.start_s]
    _cache(groups, before, window.episode.start_s - SPAN_S, book)
    _kernel(hosts, book)


# Growth of a counter per second; None if it was not read for long enough.
def _per_s(samples: Sequence[Sample], total: Callable[[Sample], int | None]) -> float | None:
    read = [(sample.t_s, value) for sample in samples if (value := total(sample)) is not None]
    if len(read) < 2 or read[-1][0] - read[0][0] < SPAN_S:
        return None
    return max(0, read[-1][1] - read[0][1]) / (read[-1][0] - read[0][0])


def _swap(window: Window, hosts: Sequence[HostSample], book: FactBook) -> None:
    names = ("swap.in_bytes_per_s", "swap.out_bytes_per_s", "swap.run_bytes")
    if hosts and not any(host.swap_total_bytes for host in hosts) and hosts[-1].swap_total_bytes is not None:
        book.not_applicable(names, NO_SWAP())
        return
    totals: tuple[Callable[[HostSample], int | None], ...] = (
        lambda host: host.swap_in_pages_total,
        lambda host: host.swap_out_pages_total,
    )
    for name, total in zip(names[:2], totals, strict=True):
        pages = _per_s(hosts, total)
        rate = None if pages is None else pages * PAGE_BYTES
        book.known(name, rate, SWAPPED(rate=rate), unless=COUNTERS_UNREAD())
    swapped = {
        process.pid: process.swap_bytes
        for tick in window.all[-60:]
        for process in tick.processes
        if process.swap_bytes is not None
    }
    book.known(names[2], sum(swapped.values()) if swapped else None, unless=SWAP_NOT_READ())


def _cache(groups: Sequence[CgroupSample], before: Sequence[CgroupSample], start_s: float, book: FactBook) -> None:
    limit = last(group.memory_limit_bytes for group in groups)
    used = max((group.memory_used_bytes or 0 for group in groups), default=0)
    reason: Message | None = None
    if groups and limit is None:
        reason = NO_LIMIT()
    elif limit and used < LIMIT_REACHED * limit:
        reason = LIMIT_NOT_REACHED(used=used / limit)
    if reason is not None:
        book.not_applicable(("memory.cache_ratio", "memory.cache_dropped_ratio", "memory.refaults_per_s"), reason)
        return
    cached = middle(group.memory_file_bytes for group in groups)
    ratio = cached / limit if cached is not None and limit else None
    book.known("memory.cache_ratio", ratio, CACHED(cached=cached, limit=limit))
    kept = max((group.memory_file_bytes or 0 for group in before), default=0)
    left = middle(group.memory_file_bytes for group in groups if group.t_s >= start_s)
    dropped = max(0.0, 1 - left / kept) if left is not None and kept else None
    book.known("memory.cache_dropped_ratio", dropped, CACHE_LEFT(left=left, kept=kept))
    rates = (_refaults([group for group in groups if group.t_s >= start_s]), _refaults(groups))
    rate = next((rate for rate in rates if rate is not None), None)
    book.known("memory.refaults_per_s", rate, unless=NOT_COUNTED())


def _refaults(groups: Sequence[CgroupSample]) -> float | None:
    return _per_s(groups, lambda group: group.refault_pages_total)


def _kernel(hosts: Sequence[HostSample], book: FactBook) -> None:
    busy, system = middle(host.cpu_busy_ratio for host in hosts), middle(host.cpu_system_ratio for host in hosts)
    ratio = system / busy if system is not None and busy is not None and busy >= BUSY_RATIO else None
    names = ("memory.direct_scans_per_s", "memory.compact_stalls_per_s")
    if busy is not None and ratio is None:
        book.not_applicable(("cpu.system_ratio", *names), CPUS_IDLE())
        return
    book.known("cpu.system_ratio", ratio, KERNEL_TIME(system=system, busy=busy), unless=CPU_TIMES_UNREAD())
    if ratio is not None and ratio < SYSTEM_RATIO:
        book.not_applicable(names, LITTLE_KERNEL_TIME(ratio=ratio))
        return
    counters: tuple[Callable[[HostSample], int | None], ...] = (
        lambda host: host.direct_scan_pages_total,
        lambda host: host.compact_stalls_total,
    )
    for name, total in zip(names, counters, strict=True):
        book.known(name, _per_s(hosts, total), unless=COUNTERS_UNREAD())
