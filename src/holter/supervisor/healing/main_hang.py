"""A main process that stands still for so long that it will not come back: when it may be restarted, announced ahead.

Nobody but its author can know whether a call of the training's own code will return. So this is the last and slowest
of all reasons to act: only while the main process and all its children do nothing at all (no CPU, no I/O, no GPU work),
only after many times the longest step, and only after a word five minutes before. A main process that computes is never
ended unless the user set a limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import fmean

import msgspec

from holter.detectors.view import GAP_S, main_beat, main_process
from holter.records import ActionTaken, Message, ProcessSample, Tick
from holter.sentences import define

# A quarter of an hour of nothing is no start of a file server; ten times the longest step is no unusual step.
FLOOR_S, TIMES_LONGEST = 900.0, 10.0
ANNOUNCED_S = 300.0
ANNOUNCED_PART = 0.5  # of a limit that is shorter than that
GPU_IDLE = 0.05
# Data workers and the threads that collect their batches poll: main takes 0.056 to 0.062 of a core in the mean for it,
# and is met in state R now and then. So a mean counts, unless somebody works for a good part of a second.
MEAN_OF_S = 30.0
POLLING_CORES = 0.12
BURST_CORES = 0.3
# Between two readings: the kernel writes the hook's own page of memory (4 KiB) back every 30 s.
OWN_BYTES = 8192
# Steps of these phases say how long one may take; compilation and validation have clocks of their own.
COUNTED = ("train", "epoch-end", "checkpoint")
STOPPED = ("T", "t")

STANDS = define(
    "main-hang.stands",
    "nothing has moved for {age:duration}, and no process of the training does anything; it is restarted in "
    "{left:duration} unless it moves on (--no-main-heal leaves it alone)",
)
BUSY = define(
    "main-hang.busy",
    "nothing has moved for {age:duration}; by --main-limit it is restarted in {left:duration} unless it moves on",
)
MOVED = define("main-hang.moved", "it moved on by itself")
WORKS = define("main-hang.works", "a process of the training does something again")


class MainHang:
    """Watches one process of the run. ``limit_s``: the user's own limit, which covers one that computes, too."""

    def __init__(self, say: Callable[[ActionTaken], None], *, limit_s: float | None, off: bool) -> None:
        self._say = say
        self._limit_s = limit_s
        self._off = off
        self.forget(0)

    def forget(self, generation: int) -> None:
        """Another process."""
        self._generation = generation
        self._since_s: float | None = None  # without progress, and idle unless the user set a limit
        self._longest_s = 0.0
        self._progress: tuple[int, float] | None = None  # total, when it was seen to grow
        self._bytes: int | None = None
        self._cores: deque[tuple[float, dict[int, float]]] = deque()  # of each process, in the last seconds
        self._last_s: float | None = None
        self._announced = False

    def see(self, tick: Tick) -> None:
        """Take in the next tick."""
        gap = self._last_s is not None and tick.t_s - self._last_s > max(GAP_S, 2 * tick.span_s)
        self._last_s = tick.t_s
        moved = self._moved(tick)
        stopped = any(process.role == "main" and process.state in STOPPED for process in tick.processes)
        if moved or gap:
            self._cores.clear()
        rests = self._limit_s is not None or self._rests(tick)
        if moved or gap or stopped or not rests or main_process(tick) is None:
            if self._announced:
                self._tell("done", tick, MOVED() if moved else WORKS())
            self._since_s, self._announced = None, False
            return
        if self._since_s is None:
            self._since_s = tick.t_s

    def is_due(self, tick: Tick) -> bool:
        """Whether it is time to restart; says five minutes ahead that it will be."""
        if self._off or self._since_s is None:
            return False
        age_s = tick.t_s - self._since_s
        if age_s >= self.limit_s:
            return self._announced
        if not self._announced and age_s >= max(self.limit_s - ANNOUNCED_S, ANNOUNCED_PART * self.limit_s):
            self._announced = True
            words = BUSY if self._limit_s is not None else STANDS
            self._tell("begun", tick, words(age=age_s, left=self.limit_s - age_s))
        return False

    @property
    def limit_s(self) -> float:
        """Seconds of standing still after which it is restarted."""
        return self._limit_s if self._limit_s is not None else max(FLOOR_S, TIMES_LONGEST * self._longest_s)

    def _moved(self, tick: Tick) -> bool:
        beat = main_beat(tick)
        if beat is None:
            return False
        before = self._progress
        if before is not None and beat.progress_total == before[0]:
            return False
        if before is not None and beat.phase in COUNTED:
            self._longest_s = max(self._longest_s, tick.t_s - before[1])
        self._progress = (beat.progress_total, tick.t_s)
        return True

    def _rests(self, tick: Tick) -> bool:
        """Nobody computes, reads, writes, or lets a GPU work."""
        if not tick.processes or any(process.cpu_ratio is None for process in tick.processes):
            return self._since_s is not None  # not measured in this tick: as before
        told = [
            (process.read_bytes_total or 0) + (process.write_bytes_total or 0)
            for process in tick.processes
            if process.read_bytes_total is not None
        ]
        total = sum(told) if len(told) == len(tick.processes) else None
        ours = OWN_BYTES * len(tick.processes)
        reads = total is not None and self._bytes is not None and total > self._bytes + ours
        self._bytes = total if total is not None else self._bytes
        works = any((gpu.utilization_ratio or 0.0) > GPU_IDLE for gpu in tick.gpus if _is_ours(gpu.processes))
        idle = all((one.cpu_ratio or 0.0) <= POLLING_CORES and one.state != "D" for one in self._on_average(tick))
        return idle and not reads and not works

    def _on_average(self, tick: Tick) -> tuple[ProcessSample, ...]:
        """The processes with their mean CPU use of the last seconds; as they are where one works."""
        now = {process.pid: process.cpu_ratio or 0.0 for process in tick.processes}
        if max(now.values()) >= BURST_CORES:
            self._cores.clear()
            return tick.processes
        self._cores.append((tick.t_s, now))
        while self._cores[0][0] < tick.t_s - MEAN_OF_S:
            self._cores.popleft()
        return tuple(
            msgspec.structs.replace(one, cpu_ratio=fmean(cores.get(one.pid, 0.0) for _, cores in self._cores))
            for one in tick.processes
        )

    def _tell(self, state: str, tick: Tick, message: Message) -> None:
        self._say(
            ActionTaken(
                t_s=tick.t_s,
                action="announce-restart",
                state=state,  # type: ignore[arg-type]
                message=message,
                generation=self._generation,
            )
        )


def _is_ours(processes: tuple[object, ...] | None) -> bool:
    """Whether a process of the run is on this GPU; where the list cannot be read, it may be."""
    return processes is None or any(getattr(process, "ours", False) for process in processes)
