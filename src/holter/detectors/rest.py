"""Tell whether a whole run does nothing: no process computes, reads, writes or uses a GPU."""

from __future__ import annotations

from collections import deque
from statistics import fmean

import msgspec

from holter.records import SERVANTS, WORKERS, GpuSample, ProcessSample, Tick

GPU_IDLE = 0.05
# Polling of data workers and batch-collecting threads takes 0.056 to 0.062 of a core in main on average, and its state
# is sometimes R. So the mean is used, unless a process works for a large part of a second.
MEAN_OF_S = 30.0
POLLING_CORES = 0.12
BURST_CORES = 0.3
# The hook writes into its own page of memory once a second. The kernel counts the page whenever it was written back
# before: every 30 s, but each second on a disk to which others write. Measured: up to three pages in five seconds.
OWN_BYTES, OWN_PAGE_BYTES = 8192, 4096
# ``strict``: main has no polling loops of nnU-Net. An upload of 1 MB/s takes 0.005 to 0.01 of a core, reads its file,
# which is in memory already, and wakes its thread more than once a second.
STRICT_CORES = 0.03
STRICT_OTHER_CORES = 0.01
STRICT_CHARS = 65536  # per process and reading, every five seconds
STRICT_SWITCHES_PER_S = 0.5


class Rest:
    """Tells tick by tick whether the run rests. ``strict``: slow uploads and loops with a timeout count as work."""

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._totals: dict[tuple[int, str], int] = {}  # per process and counter, at its last reading
        self._read_s: dict[int, float] = {}  # PID -> time of the last reading of its bytes
        self._switched_s: dict[int, float] = {}  # PID -> time of the last reading of its switches
        self._cores: deque[tuple[float, dict[int, float]]] = deque()  # per process, in the last MEAN_OF_S

    def forget_cores(self) -> None:
        """Begin the means of the CPU use again."""
        self._cores.clear()

    def see(self, tick: Tick, *, before: bool) -> bool:
        """Return whether no process does anything; ``before``: the last answer, which holds if nothing was measured."""
        moves = self._moves(tick)
        if any(process.cpu_ratio is None for process in tick.processes):
            return before and not moves
        idle = all(
            (average.cpu_ratio or 0.0) <= self._most_cores(average) and average.state != "D"
            for average in self._on_average(tick)
        )
        return idle and not moves and not any(may_work_for_us(gpu) for gpu in tick.gpus)

    def _most_cores(self, process: ProcessSample) -> float:
        if not self._strict:
            return POLLING_CORES
        return STRICT_CORES if process.role == "main" or process.role in WORKERS else STRICT_OTHER_CORES

    def _moves(self, tick: Tick) -> bool:
        # Each process is measured every five seconds, in different ticks.
        moves = False
        watched = may_not_wake(tick) if self._strict else frozenset()
        for process in tick.processes:
            if process.read_bytes_total is not None:
                total = process.read_bytes_total + (process.write_bytes_total or 0)
                own = max(OWN_BYTES, OWN_PAGE_BYTES * (1.0 + self._span_s(process)))
                moves = self._grew(process.pid, "bytes", total, own) or moves
            if self._strict:
                moves = self._grew(process.pid, "chars", process.read_chars_total, STRICT_CHARS) or moves
                moves = (process.pid in watched and self._wakes(process)) or moves
        return moves

    def _span_s(self, process: ProcessSample) -> float:
        span_s = process.t_s - self._read_s.get(process.pid, process.t_s)
        self._read_s[process.pid] = process.t_s
        return span_s

    def _grew(self, pid: int, counter: str, total: int | None, by_more_than: float) -> bool:
        if total is None:
            return False
        before = self._totals.get((pid, counter), total)
        self._totals[pid, counter] = total
        return total > before + by_more_than

    def _wakes(self, process: ProcessSample) -> bool:
        # These are the switches of the first thread, in which a program runs its loop. For the other threads see
        # ``probes/process/activity.py``.
        if process.voluntary_switches_total is None:
            return False
        span_s = process.t_s - self._switched_s.get(process.pid, process.t_s)
        self._switched_s[process.pid] = process.t_s
        most = max(1.0, STRICT_SWITCHES_PER_S * span_s)
        return self._grew(process.pid, "switches", process.voluntary_switches_total, most)

    def _on_average(self, tick: Tick) -> tuple[ProcessSample, ...]:
        # Mean CPU use of the last MEAN_OF_S; current values if a process works.
        now = {process.pid: process.cpu_ratio or 0.0 for process in tick.processes}
        if max(now.values()) >= BURST_CORES:
            self._cores.clear()
            return tick.processes
        self._cores.append((tick.t_s, now))
        while self._cores[0][0] < tick.t_s - MEAN_OF_S:
            self._cores.popleft()
        return tuple(
            msgspec.structs.replace(sample, cpu_ratio=fmean(cores.get(sample.pid, 0.0) for _, cores in self._cores))
            for sample in tick.processes
        )


def may_not_wake(tick: Tick) -> frozenset[int]:
    """Return the main processes and what they have started, except workers and the servants of libraries.

    A launcher above them may look after them every second.
    """
    parents = {process.pid: process.ppid for process in tick.processes}
    mains = {process.pid for process in tick.processes if process.role == "main"}
    found, size = mains, 0
    while len(found) > size:
        size = len(found)
        found = found | {pid for pid, parent in parents.items() if parent in found}
    wake = (*WORKERS, *SERVANTS)
    return frozenset(process.pid for process in tick.processes if process.pid in found and process.role not in wake)


def may_work_for_us(gpu: GpuSample) -> bool:
    # In a container the driver lists no processes, or PIDs of another namespace; for MIG it reports no utilisation.
    if gpu.source == "none":
        return False
    hidden = any(gap.field == "processes" for gap in gpu.gaps)
    may_be_ours = not gpu.processes or hidden or any(process.ours for process in gpu.processes)
    return may_be_ours and (gpu.utilization_ratio is None or gpu.utilization_ratio > GPU_IDLE)
