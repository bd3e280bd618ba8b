"""Ticks -> the values of the charts, and the lanes that processes belong to. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from holter.history.growth import Growth
from holter.history.ranks import main_beat, working
from holter.records import DATA_WORKERS, Beat, HostSample, ProcessSample, Role, Tick
from holter.reports.html.lanes import SHOWN_ROLES

BATCHES = ("train-batch", "val-batch")
# Against a division by zero: ticks are a second apart.
LEAST_S = 0.1
# A value and its name; the values of one GPU end with ":" and its index.
Value = tuple[str, float | None]
# Numbers of data workers that were read, by PID and start: the page with its number goes before the worker does.
Numbers = dict[tuple[int, float | None], int]


class LaneName(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a lane: it shows one process, or a worker and then the process that replaced it."""

    order: int  # of the role
    rank: int = 0  # which main process it belongs to, if there are several
    index: int | None = None  # of a data worker
    pid: int | None = None  # only where no index is known

    @property
    def role(self) -> Role:
        """Return the role that all processes of this lane have."""
        return SHOWN_ROLES[self.order]  # type: ignore[return-value]


def place(name: LaneName) -> tuple[int, int, int, int]:
    """Return the sort key of a lane: main processes first, then workers by number."""
    return name.order, name.rank, -1 if name.index is None else name.index, name.pid or 0


def lanes_of(tick: Tick, numbers: Numbers) -> dict[LaneName, ProcessSample]:
    """Return the process that each lane shows in this tick.

    ``numbers``: those of earlier ticks, for a worker that this tick shows without its number, as older tapes do at its
    end. Those of this tick are added.
    """
    mains = sorted(process.pid for process in tick.processes if process.role == "main")
    ranks = [beat.pid for beat in working(tick.beats)]
    # A process that only starts the ranks comes after them.
    mains.sort(key=lambda pid: (pid not in ranks, pid))
    lanes: dict[LaneName, ProcessSample] = {}
    for process in tick.processes:
        if process.role not in SHOWN_ROLES:
            continue
        order = SHOWN_ROLES.index(process.role)
        if process.role == "main":
            lanes[LaneName(order=order, rank=mains.index(process.pid))] = process
            continue
        rank = mains.index(process.ppid) if process.ppid in mains else 0
        index = _number(process, numbers) if process.role in DATA_WORKERS else None
        name = LaneName(order=order, rank=rank, index=index, pid=process.pid if index is None else None)
        while name in lanes:  # two generations at once: the older one is about to end
            name = msgspec.structs.replace(name, pid=process.pid)
        lanes[name] = process
    return lanes


def _number(process: ProcessSample, numbers: Numbers) -> int | None:
    # The start differs if another process got the PID later.
    who = (process.pid, process.started_s)
    if process.worker_index is None:
        return numbers.get(who)
    numbers[who] = process.worker_index
    return process.worker_index


def states_of(tick: Tick) -> Iterator[Value]:
    """Yield the chart values that one tick is enough for."""
    for gpu in tick.gpus:
        yield f"gpu:{gpu.index}", gpu.utilization_ratio
        yield f"gpu-memory:{gpu.index}", _share(gpu.memory_used_bytes, gpu.memory_total_bytes)
        yield f"gpu-power:{gpu.index}", gpu.power_w
    if tick.host is not None:
        yield from _of_host(tick.host)
    used = [process.cpu_ratio for process in tick.processes if process.cpu_ratio is not None]
    yield "cores", sum(used) if used else None
    resident = [process.rss_bytes for process in tick.processes if process.rss_bytes is not None]
    yield "resident", float(sum(resident)) if resident else None
    group = tick.cgroup
    if group is not None and group.memory_limit_bytes and group.memory_free_bytes is not None:
        yield "group-memory", 1.0 - group.memory_free_bytes / group.memory_limit_bytes
    main = main_beat(tick)
    if main is not None and main.ready_queue is not None:
        yield "ready", float(main.ready_queue)


def _of_host(host: HostSample) -> Iterator[Value]:
    yield "cpu", host.cpu_busy_ratio
    yield "iowait", host.cpu_iowait_ratio
    yield "steal", host.cpu_steal_ratio
    free = _share(host.memory_available_bytes, host.memory_total_bytes)
    yield "memory", None if free is None else 1.0 - free
    yield "swap", _share(host.swap_used_bytes, host.swap_total_bytes)
    yield "shm", _share(host.shm_used_bytes, host.shm_total_bytes)


class Rates:
    """Computes the chart values that need two ticks: growth of counters per second."""

    def __init__(self) -> None:
        self._beat: Beat | None = None
        self._growth = Growth()

    def of(self, tick: Tick) -> Iterator[Value]:
        """Yield the rates between the tick of the previous call and this one; None where a counter is missing."""
        yield "wait", self._wait(tick)
        yield from self._growth.of(tick)

    def _wait(self, tick: Tick) -> float | None:
        # The share of the time of steps that the training waited for data.
        main = main_beat(tick)
        if main is None:
            return None
        before, self._beat = self._beat, main
        if before is None or before.pid != main.pid:
            return None
        if main.steps_total == before.steps_total and main.waits_for in BATCHES and main.wait_began_s is not None:
            # No step ended: it waits since then, or since before the last tick.
            return min(1.0, max(0.0, main.t_s - main.wait_began_s) / max(main.t_s - before.t_s, LEAST_S))
        if main.steps_total <= before.steps_total:
            return None
        waited = max(0.0, main.data_wait_s_total - before.data_wait_s_total)
        computed = max(0.0, main.compute_s_total - before.compute_s_total)
        return waited / (waited + computed) if waited + computed > 0 else None


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else min(1.0, max(0.0, part / whole))
