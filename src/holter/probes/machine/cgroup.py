"""The limits that its nested control groups set for a process, and how much of them is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from holter.linux.cgroups import Group, find_groups, memory_limit, memory_used
from holter.linux.mounts import parse_mountinfo
from holter.linux.procfs import parse_counters, parse_cpu_list, read_int, read_text, to_int
from holter.probes import Reading
from holter.probes.machine.host import parse_pressure
from holter.records import CgroupSample

_NS_PER_S, _US_PER_S = 1e9, 1e6

Number = TypeVar("Number", int, float)


def parse_cpu_max(text: str | None) -> float | None:
    """Return the CPUs that ``cpu.max`` grants: ``150000 100000`` is 1.5; ``max 100000`` is no quota (None)."""
    words = (text or "").split()
    return _quota(to_int(words[0]), to_int(words[1])) if len(words) == 2 else None


def _quota(quota: int | None, period: int | None) -> float | None:
    return quota / period if quota is not None and period and quota > 0 else None


def cpu_quota(group: Group) -> float | None:
    """Return the CPUs granted by this one group; None without a quota."""
    if group.version == "v2":
        return parse_cpu_max(read_text(group.folder / "cpu.max"))
    return _quota(read_int(group.folder / "cpu.cfs_quota_us"), read_int(group.folder / "cpu.cfs_period_us"))


def pids_limit(group: Group) -> int | None:
    """Return the number of processes and threads granted by this one group; None without a limit."""
    return read_int(group.folder / "pids.max")


def cpuset_cpus(group: Group) -> int | None:
    """Return the number of CPUs that this group may use; None if the controller is off."""
    names = ("cpuset.cpus.effective",) if group.version == "v2" else ("cpuset.effective_cpus", "cpuset.cpus")
    return next((n for name in names if (n := parse_cpu_list(read_text(group.folder / name)))), None)


def tightest(groups: Iterable[Group], limit_of: Callable[[Group], Number | None]) -> tuple[Group | None, Number | None]:
    """Return the control group with the smallest limit, and that limit; (None, None) if none has a limit.

    ``limit_of`` returns the limit of one group, None for no limit. Of equal limits the outermost group is returned,
    since its limit is used up first. ``groups``: from the innermost to the outermost.
    """
    best: tuple[Group | None, Number | None] = (None, None)
    for group in groups:
        limit = limit_of(group)
        if limit is not None and (best[1] is None or limit <= best[1]):
            best = (group, limit)
    return best


def _file_bytes(group: Group, counters: Mapping[str, int]) -> int | None:
    # Page cache without shared memory: the part that the kernel can reclaim.
    prefix, cache = ("", "file") if group.version == "v2" else ("total_", "total_cache")
    if cache not in counters:
        return None
    return max(0, counters[cache] - counters.get(f"{prefix}shmem", 0))


def _refaults(group: Group, counters: Mapping[str, int]) -> int | None:
    # Older kernels count pages of files and of processes together; still older ones do not count them.
    prefix = "" if group.version == "v2" else "total_"
    names = (f"{prefix}workingset_refault_file", f"{prefix}workingset_refault")
    return next((counters[name] for name in names if name in counters), None)


def _pressure(group: Group) -> float | None:
    return parse_pressure(read_text(group.folder / "memory.pressure"))[1] if group.version == "v2" else None


def has_ended(status: str) -> bool:
    """Return whether ``/proc/PID/status`` is that of a process that only waits to be collected by its parent."""
    return any(line.startswith(("State:\tZ", "State:\tX")) for line in status.splitlines())


class CgroupProbe:
    """One ``CgroupSample`` every two seconds for the groups of one process.

    The groups stay known after the process has ended: an OOM kill is counted there afterwards.
    """

    name = "cgroup"
    interval_s = 2.0

    def __init__(self, pid: int, proc: Path = Path("/proc"), cgroup_root: Path = Path("/sys/fs/cgroup")) -> None:
        self.pid = pid
        self._proc, self._root = proc, cgroup_root
        self._membership: str | None = None
        self._groups: dict[str, tuple[Group, ...]] = {}
        self._affinity: int | None = None

    def read(self, t_s: float) -> Reading:
        """Return one sample; its version is ``none`` if no group is visible."""
        self._look_up()
        cpu, quota = tightest(self._of("cpu"), cpu_quota)
        throttled = parse_counters(read_text(self._folder(cpu, "cpu") / "cpu.stat"))
        memory, limit = tightest(self._of("memory"), memory_limit)
        pids, pids_max = tightest(self._of("pids"), pids_limit)
        cpuset = next((n for group in self._of("cpuset") if (n := cpuset_cpus(group))), None)
        events = self._memory_events(memory)
        group = memory or self._leaf("memory")
        counters = parse_counters(read_text(self._folder(memory, "memory") / "memory.stat"))
        bounds = [bound for bound in (self._affinity, cpuset, quota) if bound is not None]
        home = next((self._of(kind)[0] for kind in ("memory", "cpu", "pids") if self._of(kind)), None)
        sample = CgroupSample(
            t_s=t_s,
            version=self._version(),
            path=home.path if home else None,
            cpu_quota_cpus=quota,
            cpu_periods_total=throttled.get("nr_periods"),
            cpu_throttled_periods_total=throttled.get("nr_throttled"),
            cpu_throttled_s_total=_throttled_s(throttled),
            cpuset_cpus=cpuset,
            affinity_cpus=self._affinity,
            effective_cpus=float(min(bounds)) if bounds else None,
            memory_limit_bytes=limit,
            memory_used_bytes=self._memory_used(memory),
            memory_file_bytes=_file_bytes(group, counters) if group else None,
            refault_pages_total=_refaults(group, counters) if group else None,
            pressure_memory_full_ratio=_pressure(group) if group else None,
            oom_total=events[0],
            oom_kill_total=events[1],
            pids_limit=pids_max,
            pids_used=read_int(self._folder(pids, "pids") / "pids.current"),
        )
        return Reading((sample,))

    def close(self) -> None:
        """Do nothing: no descriptor is held open."""

    def _look_up(self) -> None:
        status = read_text(self._proc / str(self.pid) / "status")
        if status and has_ended(status):
            return  # it is in the root group by now: the numbers of the whole machine are not its own
        for line in (status or "").splitlines():
            if line.startswith("Cpus_allowed_list:"):
                self._affinity = parse_cpu_list(line.partition(":")[2])
        membership = read_text(self._proc / str(self.pid) / "cgroup")
        if membership and membership != self._membership:
            self._membership = membership
            mounts = parse_mountinfo(read_text(self._proc / "self/mountinfo"))
            self._groups = find_groups(membership, mounts, self._root)

    def _of(self, controller: str) -> tuple[Group, ...]:
        return self._groups.get(controller, ())

    def _leaf(self, controller: str) -> Group | None:
        return next(iter(self._of(controller)), None)

    def _folder(self, group: Group | None, controller: str) -> Path:
        # The limiting group's folder, else the process's own; without any group a folder that does not exist.
        group = group or self._leaf(controller)
        return group.folder if group else self._root / "no-such-group"

    def _version(self) -> Literal["v1", "v2", "none"]:
        versions = {groups[0].version for groups in self._groups.values() if groups}
        return "v1" if "v1" in versions else "v2" if versions else "none"

    def _memory_used(self, limiting: Group | None) -> int | None:
        group = limiting or self._leaf("memory")
        return None if group is None else memory_used(group)

    def _memory_events(self, limiting: Group | None) -> tuple[int | None, int | None]:
        # Number of times the limit was hit without anything to reclaim, and number of processes killed. Kills are read
        # in the process's own group: a neighbour's kill is not ours. Version 1 does not count the first:
        # ``memory.failcnt`` also grows when cache is reclaimed, which is harmless.
        leaf = self._leaf("memory")
        if leaf is None:
            return None, None
        name = "memory.events" if leaf.version == "v2" else "memory.oom_control"
        own = parse_counters(read_text(leaf.folder / name))
        hit = parse_counters(read_text((limiting or leaf).folder / name))
        return hit.get("oom"), own.get("oom_kill")


def _throttled_s(counters: dict[str, int]) -> float | None:
    if "throttled_usec" in counters:
        return counters["throttled_usec"] / _US_PER_S
    return counters["throttled_time"] / _NS_PER_S if "throttled_time" in counters else None


def effective_cpus() -> float:
    """Return the number of cores that affinity, cpuset and quota leave to this process."""
    samples = CgroupProbe(os.getpid()).read(0.0).samples
    known = [sample.effective_cpus for sample in samples if isinstance(sample, CgroupSample) and sample.effective_cpus]
    return float(known[0] if known else len(os.sched_getaffinity(0)))
