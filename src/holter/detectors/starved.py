"""The training waits for data most of the time, from its start on, so that it was never faster.

At first a long wait alone is not enough, because the first batches are read into an empty page cache. If the CPUs are
the bottleneck, the wait will not become shorter by itself, and 15 s are enough to report it.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from holter.detectors.view import GAP_S, TRAINING, OpenEpisodes, is_paused, usable_cpus
from holter.history.ranks import main_beat
from holter.records import Episode, Tick
from holter.sentences import define

# More than half of the step is spent in next(loader): the GPU or CPU that trains is mostly idle.
STARVED_RATIO = 0.5
# Stock augmentation is bimodal, and the first batches come from cold caches; two minutes average both out.
STARVED_S = 120.0
# The episode ends when the share of waiting falls clearly below.
FED_RATIO = 0.35
# The run uses this share of all its CPUs, in this share of the ticks, over this many seconds of steps: more batches are
# not possible. Without workers the main process does everything on one CPU.
BUSY_CPUS, BUSY_LOOKS, BUSY_S = 0.85, 0.8, 15.0
# At the start all workers compute their first batches and then fill the queue (six batches), while the main process
# gets none.
WAVES, QUEUE = 2, 6

WAITING = define("episode.waiting-for-batches", "{part:percent} % of the step time is spent waiting for batches")


class _StepSample(NamedTuple):
    """One tick of the training phase."""

    t_s: float
    waited_s: float  # since the process started
    spent_s: float
    steps: int
    is_bound: bool  # all CPUs are in use, or the main process works alone


class StarvedDetector:
    """Marks as one episode that the training waits for data most of the time; only in the training phase."""

    name = "starved"

    def __init__(self) -> None:
        self._seen: deque[_StepSample] = deque()
        self._pid: int | None = None
        self._last_s: float | None = None  # in any phase: a validation is no gap
        self._cpus: float | None = None  # CPUs that the run may use
        self._workers: int | None = None  # None: no process sampled yet
        self._is_bound = False
        self._open = OpenEpisodes(self.name, "slow-down")

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        self._look_at_cpus(tick)
        beat = main_beat(tick)
        if beat is None:
            return ()
        gap = self._last_s is not None and tick.t_s - self._last_s > GAP_S
        self._last_s = tick.t_s
        if beat.phase != "train" or beat.pid != self._pid or gap or is_paused(tick):
            # The counters continue over epochs: only counters of one process are compared.
            if beat.pid != self._pid or gap:
                self._seen.clear()
            self._pid = beat.pid
            return self._open.end(tick.t_s) if beat.phase in ("final-validation", "shutdown") else ()
        spent = beat.data_wait_s_total + beat.compute_s_total
        self._seen.append(_StepSample(tick.t_s, beat.data_wait_s_total, spent, beat.steps_total, self._is_bound))
        while len(self._seen) > 2 and self._seen[1].spent_s <= spent - STARVED_S:
            self._seen.popleft()
        return self._judge(tick)

    def _look_at_cpus(self, tick: Tick) -> None:
        self._cpus = usable_cpus(tick, self._cpus)
        if tick.processes:
            self._workers = sum(process.role == "train-worker" for process in tick.processes)
            used = sum(process.cpu_ratio or 0.0 for process in tick.processes)
            cpus = self._cpus if self._workers else 1.0  # one process makes every batch itself
            self._is_bound = cpus is not None and used >= BUSY_CPUS * cpus

    def _judge(self, tick: Tick) -> tuple[Episode, ...]:
        whole = self._seen[0]
        if TRAINING in self._open:
            ratio = self._ratio(whole)
            return self._open.end(tick.t_s) if ratio is not None and ratio <= FED_RATIO else ()
        since = whole if self._spent(whole) >= STARVED_S else self._bound_since()
        ratio = None if since is None else self._ratio(since)
        if since is None or ratio is None or ratio < STARVED_RATIO:
            return ()
        return self._open.begin(tick, since.t_s, WAITING(part=ratio))

    def _spent(self, since: _StepSample) -> float:
        return self._seen[-1].spent_s - since.spent_s

    # Share of waiting in the time since then; None if the time is too short.
    def _ratio(self, since: _StepSample) -> float | None:
        spent = self._spent(since)
        return (self._seen[-1].waited_s - since.waited_s) / spent if spent >= BUSY_S else None

    # The tick 15 s ago, if the first batches were over and all CPUs have been in use since.
    def _bound_since(self) -> _StepSample | None:
        before = [look for look in self._seen if self._spent(look) >= BUSY_S]
        if not before or self._workers is None or before[-1].steps < WAVES * self._workers + QUEUE:
            return None
        after = [look.is_bound for look in self._seen if look.t_s > before[-1].t_s]
        return before[-1] if sum(after) >= BUSY_LOOKS * len(after) else None
