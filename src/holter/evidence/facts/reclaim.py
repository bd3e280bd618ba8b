"""Facts about memory that is short: swapping, cache that does not hold, and a kernel that is busy making room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from holter.evidence.fact_book import FactBook
from holter.evidence.room import size
from holter.evidence.window import Window, last, middle
from holter.records import CgroupSample, HostSample

# Totals are compared over at least this long: the kernel makes room in bursts.
SPAN_S = 5.0
BEFORE_S = 60.0
PAGE_BYTES = 4096
# Below this use of its limit a group drops no cache, whatever is counted.
LIMIT_REACHED = 0.9
# A kernel that takes less of the busy time is not what holds the training up; how it makes room does not matter then.
SYSTEM_RATIO = 0.3
# A share of next to nothing is noise.
BUSY_RATIO = 0.05

Look = TypeVar("Look", HostSample, CgroupSample)


def collect(window: Window, book: FactBook) -> None:
    """State swapping, pressure, the share of cache in the limit, and the kernel's own work."""
    ticks = [tick for tick in window.all if tick.t_s >= window.episode.start_s - BEFORE_S]
    hosts = [tick.host for tick in ticks if tick.host]
    groups = [tick.cgroup for tick in ticks if tick.cgroup]
    pressures = (
        middle(host.pressure_memory_full_ratio for host in hosts),
        middle(group.pressure_memory_full_ratio for group in groups),
    )
    known = [value for value in pressures if value is not None]
    book.known("pressure.memory", max(known) if known else None, unless="this kernel does not tell")
    _swap(window, hosts, book)
    before = [tick.cgroup for tick in window.all if tick.cgroup and tick.t_s < window.episode.start_s]
    _cache(groups, before, window.episode.start_s - SPAN_S, book)
    _kernel(hosts, book)


def _per_s(looks: Sequence[Look], total: Callable[[Look], int | None]) -> float | None:
    """Growth of a counter a second; None where it was not read for long enough."""
    read = [(look.t_s, value) for look in looks if (value := total(look)) is not None]
    if len(read) < 2 or read[-1][0] - read[0][0] < SPAN_S:
        return None
    return max(0, read[-1][1] - read[0][1]) / (read[-1][0] - read[0][0])


def _swap(window: Window, hosts: Sequence[HostSample], book: FactBook) -> None:
    names = ("swap.in_bytes_per_s", "swap.out_bytes_per_s", "swap.run_bytes")
    if hosts and not any(host.swap_total_bytes for host in hosts) and hosts[-1].swap_total_bytes is not None:
        for name in names:
            book.not_applicable(name, "the machine has no swap space")
        return
    totals: tuple[Callable[[HostSample], int | None], ...] = (
        lambda host: host.swap_in_pages_total,
        lambda host: host.swap_out_pages_total,
    )
    for name, total in zip(names[:2], totals, strict=True):
        pages = _per_s(hosts, total)
        told = "" if pages is None else f"{size(pages * PAGE_BYTES)} a second"
        book.known(name, None if pages is None else pages * PAGE_BYTES, told, unless="the kernel's counters are unseen")
    swapped = {
        process.pid: process.swap_bytes
        for tick in window.all[-60:]
        for process in tick.processes
        if process.swap_bytes is not None
    }
    book.known(names[2], sum(swapped.values()) if swapped else None, unless="what is swapped out was not looked at")


def _cache(groups: Sequence[CgroupSample], before: Sequence[CgroupSample], start_s: float, book: FactBook) -> None:
    limit = last(group.memory_limit_bytes for group in groups)
    used = max((group.memory_used_bytes or 0 for group in groups), default=0)
    if groups and limit is None:
        reason = "no memory limit is set"
    elif limit and used < LIMIT_REACHED * limit:
        reason = f"the memory limit is not reached: {used / limit:.0%}"
    else:
        reason = ""
    if reason:
        for name in ("memory.cache_ratio", "memory.cache_dropped_ratio", "memory.refaults_per_s"):
            book.not_applicable(name, reason)
        return
    cached = middle(group.memory_file_bytes for group in groups)
    told = f"{size(cached or 0)} of {size(limit or 0)}"
    book.known("memory.cache_ratio", cached / limit if cached is not None and limit else None, told)
    kept = max((group.memory_file_bytes or 0 for group in before), default=0)
    left = middle(group.memory_file_bytes for group in groups if group.t_s >= start_s)
    told = f"{size(left or 0)} of {size(kept)} are left"
    book.known("memory.cache_dropped_ratio", max(0.0, 1 - left / kept) if left is not None and kept else None, told)
    rates = (_refaults([group for group in groups if group.t_s >= start_s]), _refaults(groups))
    rate = next((rate for rate in rates if rate is not None), None)
    book.known("memory.refaults_per_s", rate, unless="the group does not count pages that are read again")


def _refaults(groups: Sequence[CgroupSample]) -> float | None:
    return _per_s(groups, lambda group: group.refault_pages_total)


def _kernel(hosts: Sequence[HostSample], book: FactBook) -> None:
    busy, system = middle(host.cpu_busy_ratio for host in hosts), middle(host.cpu_system_ratio for host in hosts)
    ratio = system / busy if system is not None and busy is not None and busy >= BUSY_RATIO else None
    told = f"{system:.0%} of all CPU time, {busy:.0%} are busy" if busy is not None and system is not None else ""
    names = ("memory.direct_scans_per_s", "memory.compact_stalls_per_s")
    if busy is not None and ratio is None:
        for name in ("cpu.system_ratio", *names):
            book.not_applicable(name, "the CPUs are idle")
        return
    book.known("cpu.system_ratio", ratio, told, unless="CPU times were not recorded")
    if ratio is not None and ratio < SYSTEM_RATIO:
        for name in names:
            book.not_applicable(name, f"the kernel takes only {ratio:.0%} of the busy CPU time")
        return
    counters: tuple[Callable[[HostSample], int | None], ...] = (
        lambda host: host.direct_scan_pages_total,
        lambda host: host.compact_stalls_total,
    )
    for name, total in zip(names, counters, strict=True):
        book.known(name, _per_s(hosts, total), unless="the kernel's counters are unseen")
