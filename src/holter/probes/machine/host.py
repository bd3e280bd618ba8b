"""The whole machine: CPUs, memory, swap, pressure, small file systems in memory, clock."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from holter.linux.mounts import Mount, mount_of, parse_mountinfo
from holter.linux.procfs import parse_counters, read_text
from holter.probes import Reading
from holter.probes.machine.neighbours import NeighbourReader
from holter.records import HostSample

_KIB = 1024
# The same bytes pass these again on their way to or from a device of the list: a container's, a bridge, a bundle.
REPEATS = ("lo", "veth", "docker", "br-", "virbr", "cni", "cali", "flannel", "vnet", "tap", "bond", "team", "vlan")
# Place of the sent bytes among the numbers of a line: eight of what was received come first.
SENT = 8


class Traffic(NamedTuple):
    """Bytes since the devices were set up; None if unknown."""

    received: int | None = None
    sent: int | None = None


def parse_traffic(text: str | None) -> Traffic:
    """Parse ``/proc/net/dev``: ``  eth0: 2104 12 0 0 0 0 0 0 1320 11 0 0 0 0 0 0``, bytes received and sent."""
    received, sent, seen = 0, 0, False
    for line in (text or "").splitlines():
        name, colon, numbers = line.partition(":")
        words = numbers.split()
        if not colon or name.strip().startswith(REPEATS) or len(words) <= SENT:
            continue
        received, sent, seen = received + int(words[0]), sent + int(words[SENT]), True
    return Traffic(received, sent) if seen else Traffic()


class CpuTimes(NamedTuple):
    """Ticks of one CPU since boot; ``total`` leaves out guests, which are already counted in user and nice."""

    total: int
    idle: int
    system: int
    iowait: int
    steal: int


def parse_cpu_times(text: str | None) -> dict[str, CpuTimes]:
    """Parse ``cpu`` (all together) and each ``cpuN`` of ``/proc/stat``.

    ``cpu0 6412 17 2809 140529 79 0 17 20 0 0``: user nice system idle iowait irq softirq steal guest guest_nice.
    """
    times = {}
    for line in (text or "").splitlines():
        name, *words = line.split()
        if not name.startswith("cpu"):
            break
        user, nice, system, idle, iowait, irq, softirq, steal = [*map(int, words[:8]), *[0] * 8][:8]
        total = user + nice + system + idle + iowait + irq + softirq + steal
        times[name] = CpuTimes(total, idle, system + irq + softirq, iowait, steal)
    return times


def parse_pressure(text: str | None) -> tuple[float | None, float | None]:
    """Return the share of the last ten seconds in which some task, and all tasks, waited: 0..1 each, or None.

    ``some avg10=1.53 avg60=0.87 avg300=0.73 total=6398625`` and the same with ``full``.
    """
    shares: dict[str, float] = {}
    for line in (text or "").splitlines():
        kind, *pairs = line.split()
        values = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        if "avg10" in values:
            shares[kind] = float(values["avg10"]) / 100
    return shares.get("some"), shares.get("full")


def direct_scans(vmstat: Mapping[str, int]) -> int | None:
    """Return pages scanned in direct reclaim; kernels before Linux 4.8 count them by zone."""
    names = [name for name in vmstat if name.startswith("pgscan_direct") and not name.endswith("_throttle")]
    return sum(vmstat[name] for name in names) if names else None


class CpuShares(NamedTuple):
    """What the CPUs did between two reads, each 0..1; None if unknown."""

    busy: float | None = None
    busy_each: tuple[float, ...] | None = None
    system: float | None = None
    iowait: float | None = None
    steal: float | None = None


def cpu_shares(before: Mapping[str, CpuTimes], now: Mapping[str, CpuTimes]) -> CpuShares:
    """Return shares of the time between two results of ``parse_cpu_times``."""
    if "cpu" not in before or "cpu" not in now:
        return CpuShares()
    first, last = before["cpu"], now["cpu"]
    each = [_busy(before[name], now[name]) for name in now if name != "cpu" and name in before]
    same_cpus = before.keys() == now.keys()
    return CpuShares(
        busy=_busy(first, last),
        busy_each=tuple(share for share in each if share is not None) if same_cpus and None not in each else None,
        system=_share(first, last, last.system - first.system),
        iowait=_share(first, last, last.iowait - first.iowait),
        steal=_share(first, last, last.steal - first.steal),
    )


def _share(before: CpuTimes, now: CpuTimes, ticks: int) -> float | None:
    # The kernel's iowait counter may run backwards.
    span = now.total - before.total
    return min(1.0, max(0, ticks) / span) if span > 0 else None


def _busy(before: CpuTimes, now: CpuTimes) -> float | None:
    # Busy for this machine: not idle, not waiting for a disk, not taken by the hypervisor.
    changes = (now.idle - before.idle, now.iowait - before.iowait, now.steal - before.steal)
    rest = _share(before, now, sum(max(0, change) for change in changes))
    return None if rest is None else 1.0 - rest


class HostProbe:
    """One ``HostSample`` a second."""

    name = "host"
    interval_s = 1.0

    def __init__(
        self,
        proc: Path = Path("/proc"),
        sys: Path = Path("/sys"),
        shm: Path = Path("/dev/shm"),
        tmp: Path | None = None,
        shm_pid: Callable[[], int | None] = lambda: None,
        ours: Callable[[], Collection[int]] = tuple,
        clock_zero_boot_s: float = 0.0,
    ) -> None:
        """``shm_pid``: returns the PID whose /dev/shm is read if that process has its own mounts (a container).

        ``ours``: returns the PIDs of the training's tree; without any, other processes are not reported.
        """
        self._proc, self._sys = proc, sys
        mounts = parse_mountinfo(read_text(proc / "self/mountinfo"))
        self._shm = _safe_to_ask(shm, mounts)
        self._tmp = _safe_to_ask(tmp or Path(tempfile.gettempdir()), mounts)
        self._times: dict[str, CpuTimes] = {}
        self._shm_pid = shm_pid
        self._own_mounts = False  # whether that process has its own mounts
        self._neighbours = NeighbourReader(ours, clock_zero_boot_s, proc)

    def read(self, t_s: float) -> Reading:
        """Return one sample; shares of CPU time need an earlier read and are None in the first."""
        before, self._times = self._times, parse_cpu_times(read_text(self._proc / "stat"))
        shares = cpu_shares(before, self._times)
        memory = parse_counters(read_text(self._proc / "meminfo"))
        vmstat = parse_counters(read_text(self._proc / "vmstat"))
        pressure = {kind: self._pressure(kind) for kind in ("cpu", "io", "memory")}
        shm, tmp = _space(self._shm_there()), _space(self._tmp)
        traffic = parse_traffic(read_text(self._proc / "net/dev"))
        others = self._neighbours.read(t_s)
        sample = HostSample(
            t_s=t_s,
            cpu_count=sum(name != "cpu" for name in self._times) or None,
            cpu_busy_ratio=shares.busy,
            cpu_busy_ratio_each=shares.busy_each,
            cpu_system_ratio=shares.system,
            cpu_iowait_ratio=shares.iowait,
            cpu_steal_ratio=shares.steal,
            load_1min=_first_float(read_text(self._proc / "loadavg")),
            memory_total_bytes=_bytes(memory.get("MemTotal")),
            memory_available_bytes=_bytes(memory.get("MemAvailable")),
            memory_cached_bytes=_bytes(memory.get("Cached")),
            swap_total_bytes=_bytes(memory.get("SwapTotal")),
            swap_used_bytes=_difference(_bytes(memory.get("SwapTotal")), _bytes(memory.get("SwapFree"))),
            swap_in_pages_total=vmstat.get("pswpin"),
            swap_out_pages_total=vmstat.get("pswpout"),
            oom_kill_total=vmstat.get("oom_kill"),
            direct_scan_pages_total=direct_scans(vmstat),
            compact_stalls_total=vmstat.get("compact_stall"),
            pressure_cpu_some_ratio=pressure["cpu"][0],
            pressure_cpu_full_ratio=pressure["cpu"][1],
            pressure_io_some_ratio=pressure["io"][0],
            pressure_io_full_ratio=pressure["io"][1],
            pressure_memory_some_ratio=pressure["memory"][0],
            pressure_memory_full_ratio=pressure["memory"][1],
            shm_total_bytes=shm[0],
            shm_used_bytes=shm[1],
            tmp_total_bytes=tmp[0],
            tmp_used_bytes=tmp[1],
            clock_source=self._clock_source(),
            network_received_bytes_total=traffic.received,
            network_sent_bytes_total=traffic.sent,
            others_cpu_cores=others.cpu_cores if others else None,
            others_busiest=others.busiest if others else None,
            other_trainings=others.trainings if others else None,
        )
        return Reading((sample,))

    def close(self) -> None:
        """Do nothing: no descriptor is held open."""

    def _shm_there(self) -> Path | None:
        # /dev/shm as the training sees it; None if it has its own, which we cannot read.
        pid = self._shm_pid()
        if pid is None:
            return self._shm
        try:
            namespaces = {(self._proc / str(process) / "ns/mnt").stat().st_ino for process in ("self", pid)}
        except OSError:  # gone, or of another user
            return None if self._own_mounts else self._shm
        self._own_mounts = len(namespaces) > 1
        return self._proc / str(pid) / "root/dev/shm" if self._own_mounts else self._shm

    def _pressure(self, kind: str) -> tuple[float | None, float | None]:
        return parse_pressure(read_text(self._proc / "pressure" / kind))

    def _clock_source(self) -> str | None:
        text = read_text(self._sys / "devices/system/clocksource/clocksource0/current_clocksource")
        return (text or "").strip() or None


def _safe_to_ask(folder: Path, mounts: Sequence[Mount]) -> Path | None:
    # None if a statvfs of the folder could hang: then the storage probe reads it, in a child.
    mount = mount_of(str(folder.absolute()), mounts)
    return None if mount is not None and mount.may_hang else folder


def _space(folder: Path | None) -> tuple[int | None, int | None]:
    try:
        status = os.statvfs(folder) if folder is not None else None
    except OSError:
        status = None
    if status is None:
        return None, None
    return status.f_blocks * status.f_frsize, (status.f_blocks - status.f_bfree) * status.f_frsize


def _bytes(kib: int | None) -> int | None:
    return None if kib is None else kib * _KIB


def _difference(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part


def _first_float(text: str | None) -> float | None:
    return float(text.split()[0]) if text else None
