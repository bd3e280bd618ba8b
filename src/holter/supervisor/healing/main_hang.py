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

from holter.detectors.progress import ProgressKeeper
from holter.detectors.stall import FLOOR_S as PHASES_TAKE_S
from holter.detectors.view import GAP_S, PhaseKeeper, is_held, main_beat, main_process
from holter.records import ActionTaken, GpuSample, Message, ProcessSample, Tick
from holter.sentences import Sentence, define

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
# Of one process between two readings: the kernel writes the hook's own page of memory (4 KiB) back every 30 s.
OWN_BYTES = 8192
# Steps of these phases say how long one may take; compilation and validation have clocks of their own.
COUNTED = ("train", "epoch-end", "checkpoint")

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
HELD = define("main-hang.held", "it was stopped from outside; the time is counted again when it goes on")
GAP = define(
    "main-hang.gap", "Holter could not look for a while (a suspended machine?); the time is counted again from now on"
)
ENDED = define("main-hang.ended", "the main process has ended")


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
        self._due_s: float | None = None  # when it is restarted; None: not announced
        self._progress, self._phase = ProgressKeeper(), PhaseKeeper()
        self._longest_s = 0.0
        self._moved_s: float | None = None  # when it was last seen to move, if every tick since then counts
        self._bytes: dict[int, int] = {}  # of each process, at its last reading
        self._cores: deque[tuple[float, dict[int, float]]] = deque()  # of each process, in the last seconds
        self._last_s: float | None = None  # the last tick with processes

    def see(self, tick: Tick) -> None:
        """Take in the next tick."""
        gap = self._last_s is not None and tick.t_s - self._last_s > max(GAP_S, 2 * tick.span_s)
        moved = any((self._progress.see(tick), self._phase.see(tick)))
        held = is_held(tick)
        self._learn(tick, moved=moved, disturbed=gap or held)
        if not tick.processes and not moved:
            return  # of a tick that came late the next one looks at the rest
        self._last_s = tick.t_s
        ended = main_process(tick) is None
        why = MOVED if moved else GAP if gap else HELD if held else ENDED if ended else None
        if why is not None:
            self._cores.clear()
            self._begin_again(tick, why)
        elif self._limit_s is None and not self._rests(tick):
            self._begin_again(tick, WORKS)
        elif self._since_s is None and self._progress.has_beat:
            self._since_s = tick.t_s

    def is_due(self, tick: Tick) -> bool:
        """Whether it is time to restart; says ahead that it will be."""
        if self._off or self._since_s is None or not tick.processes:
            return False
        if self._progress.has_beat and main_beat(tick) is None:
            return False  # it may be moving: its page was not read
        if self._due_s is not None:
            return tick.t_s >= self._due_s
        age_s = tick.t_s - self._since_s
        ahead_s = min(ANNOUNCED_S, ANNOUNCED_PART * self.limit_s)
        if age_s >= self.limit_s - ahead_s:
            self._due_s = max(self._since_s + self.limit_s, tick.t_s + ahead_s)
            words = BUSY if self._limit_s is not None else STANDS
            self._tell("begun", tick, words(age=age_s, left=self._due_s - tick.t_s))
        return False

    @property
    def limit_s(self) -> float:
        """Seconds of standing still after which it is restarted; a start-up or a checkpoint takes its time."""
        wanted_s = max(FLOOR_S, TIMES_LONGEST * self._longest_s) if self._limit_s is None else self._limit_s
        return max(wanted_s, PHASES_TAKE_S[self._phase.phase])

    def _begin_again(self, tick: Tick, why: Sentence) -> None:
        if self._due_s is not None:
            self._tell("done", tick, why())
        self._since_s = self._due_s = None

    def _learn(self, tick: Tick, *, moved: bool, disturbed: bool) -> None:
        """How long a step takes: with start-up, compilation, a gap or a stop in it, it says nothing."""
        beat = main_beat(tick)
        if disturbed or (beat is not None and beat.phase not in COUNTED):
            self._moved_s = None
        elif moved and beat is not None:
            if self._moved_s is not None:
                self._longest_s = max(self._longest_s, tick.t_s - self._moved_s)
            self._moved_s = tick.t_s

    def _rests(self, tick: Tick) -> bool:
        """Nobody computes, reads, writes, or lets a GPU work."""
        moves_bytes = self._move_bytes(tick)
        if any(process.cpu_ratio is None for process in tick.processes):
            return self._since_s is not None and not moves_bytes  # not measured in this tick: as before
        idle = all((one.cpu_ratio or 0.0) <= POLLING_CORES and one.state != "D" for one in self._on_average(tick))
        return idle and not moves_bytes and not any(_may_work_for_us(gpu) for gpu in tick.gpus)

    def _move_bytes(self, tick: Tick) -> bool:
        """Whether a process has read or written. Each is measured every five seconds, in a tick of its own."""
        moves = False
        for one in tick.processes:
            if one.read_bytes_total is None:
                continue
            total = one.read_bytes_total + (one.write_bytes_total or 0)
            moves = moves or total > self._bytes.get(one.pid, total) + OWN_BYTES
            self._bytes[one.pid] = total
        return moves

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


def _may_work_for_us(gpu: GpuSample) -> bool:
    """Whether the GPU works, as far as it is known, and may do so for the run.

    In a container the driver lists no processes, or numbers that mean nobody here; of a GPU that is divided (MIG) it
    tells no utilisation.
    """
    if gpu.source == "none":
        return False
    hidden = any(gap.field == "processes" for gap in gpu.gaps)
    may_be_ours = not gpu.processes or hidden or any(one.ours for one in gpu.processes)
    return may_be_ours and (gpu.utilization_ratio is None or gpu.utilization_ratio > GPU_IDLE)
