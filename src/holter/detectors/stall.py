"""The training makes no progress although its phase should be over, and no process works.

Two independent signs are needed: no progress beyond the limit of the phase, and a quiet process tree. A main thread
that is busy for far longer than any step before (a driver call that spins) counts too, with a much longer limit.
"""

from __future__ import annotations

from collections import deque

import msgspec

from holter.detectors.course import LeftLoop
from holter.detectors.plain import PlainKeeper, waited_s
from holter.detectors.progress import BETWEEN_STEPS, ProgressKeeper, are_between_steps
from holter.detectors.view import GAP_S, HELD, PhaseKeeper, is_paused, usable_cpus
from holter.evidence.window import ready_to_run
from holter.evidence.words import WORKING_CPU_RATIO, is_in_freezer, waits_for_storage, works_together
from holter.history.ranks import main_beat, main_process, stopped_rank, working
from holter.records import DATA_WORKERS, WORKERS, Episode, ExceptionSeen, Message, Phase, ProcessSample, Tick
from holter.sentences import define

# Alarm after this long without progress AND quiet. Reasons: train and validate steps take seconds at most on any GPU,
# longer ones are learned below; start-up imports torch over network file systems; compilation of a large network was
# reported to take many minutes; a checkpoint of 2 GB on a slow NFS takes a minute.
FLOOR_S: dict[Phase, float] = {
    "startup": 190.0,
    "unpack": 300.0,
    "compile": 600.0,
    "train": 10.0,
    "validate": 10.0,
    # Log lines, a plot, user code: on a slow file server each takes seconds.
    "epoch-end": 30.0,
    "checkpoint": 120.0,
    "final-validation": 45.0,
    # A case of a huge image takes minutes, but then a process works.
    "predict": 60.0,
    "preprocess": 60.0,
    "shutdown": 90.0,
    "unknown": 30.0,
}
# Between two steps a custom trainer may wait for what it wants: an upload, an evaluation elsewhere, a licence server.
# Only the place is reported before this (``supervisor/recording/standing.py``). A main process that is stopped, or that
# storage holds, has the limits above.
FLOOR_BETWEEN_S = 600.0
# Without a heartbeat progress shows once per epoch, in the log: quiet alone must then last this long.
FLOOR_WITHOUT_BEAT_S = 20.0
# A step may take this many times the longest recent one: batches come unevenly (64 % of samples are a plain crop, 36 %
# cost twenty times as much).
TIMES_LONGEST = 4.0
# Before enough steps were seen: first batches, cudnn.benchmark, page cache.
FLOOR_FIRST_STEPS_S = 60.0
# A busy main thread gets this many times longer, and at least a minute within a step. At the end of an epoch a custom
# trainer may evaluate for long; half an hour without progress is reported.
TIMES_LONGEST_BUSY = 20.0
FLOOR_BUSY_S = 60.0
FLOOR_BUSY_AT_EPOCH_END_S = 1800.0
# If main waits and its workers compute, a batch is slow rather than lost.
FLOOR_WORKERS_BUSY_S = 90.0
# The tree must be quiet for this long: shorter than any limit above, longer than one slow tick.
QUIET_S = 6.0
# Imports, compilers, downloads and writes to slow file servers use a little CPU or wait in the kernel. If the whole
# tree does neither for this long, it waits for something that does not come, in any phase. Data workers and the thread
# that collects their batches poll, so they get a higher CPU limit.
IDLE_S = 45.0
# During startup user code may wait for a server, a mount or another fold; three minutes do occur.
IDLE_AT_START_S = FLOOR_S["startup"]
IDLE_CORES, POLLING_CORES = 0.01, 0.06
# A main process that started at most this long before the first tick, without any phase yet, is starting up.
STARTED_WITH_US_S = 5.0
# A data worker that raised an error and still lives makes no more batches, and nnU-Net does not notice.
FLOOR_AFTER_ERRORS_S = 30.0
# States in which a process does nothing, even if its CPU use was not measured.
STILL = ("T", "t", "D", "Z", "X")
# A main process that has ended, and is still seen, does not stand still.
ENDED = ("Z", "X")

NO_PROGRESS = define("episode.no-progress", "no progress for {age:.0f} s (limit {limit:.0f} s) and {sign}")
NOBODY_WORKS = define("episode.nobody-works", "nobody in the process tree works")
NOTHING_DONE = define("episode.nothing-done", "no process of the tree does anything")
BUSY_IN_STEP = define("episode.busy-in-step", "the main thread is busy in one and the same step")
RANK_STOPPED = define("episode.rank-stopped", "a process that trains is stopped")
BUSY_WORKERS = define("episode.busy-workers", "no batch comes although the data workers are busy")


class StallDetector:
    """Marks a stall of the whole training; at most one episode is open at a time."""

    name = "stall"

    def __init__(self) -> None:
        self._phase = PhaseKeeper()
        self._progress = ProgressKeeper()
        # (tick, main works, any process works or may work, main waits for a batch while data workers work)
        self._working: deque[tuple[Tick, bool, bool, bool]] = deque()
        self._last_s: float | None = None
        self._cpus: float | None = None  # CPUs that the run may use
        self._saw_start = False
        self._idle_since_s: float | None = None
        self._stopped: tuple[int, float] | None = None  # PID of a rank that a signal has stopped, and since when
        self._worker_failed = False  # since the last progress
        self._plain = PlainKeeper()
        self._left = LeftLoop()
        self._is_between = False  # code of a custom trainer may run, and nothing holds the main process
        self._open: Episode | None = None

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        gap = self._last_s is not None and tick.t_s - self._last_s > GAP_S
        self._last_s = tick.t_s
        self._plain.see(tick)
        self._left.see(tick)
        new_phase = self._phase.see(tick)
        moved = self._progress.see(tick)
        self._worker_failed = (self._worker_failed and not moved) or any(
            isinstance(event, ExceptionSeen) and event.role in DATA_WORKERS and not event.echo for event in tick.events
        )
        if self._open is not None:
            is_gone = bool(tick.processes) and main_process(tick.processes, tick.beats) is None
            if not (moved or is_gone or self._left.goes_on(tick.t_s)):
                return ()
            closed = msgspec.structs.replace(self._open, end_s=self._progress.at_s if moved else tick.t_s)
            self._open = None
            return (closed,)
        if gap or new_phase or is_paused(tick):
            self._progress.forgive(tick.t_s)
            self._idle_since_s = self._stopped = None
        self._remember_work(tick)
        self._see_place(tick)
        return () if self._left.since_s is not None else self._alarm_now(tick)

    def _see_place(self, tick: Tick) -> None:
        beat = main_beat(tick)
        if beat is None and self._progress.has_beat:
            return  # its page was not read in time
        between = self._phase.phase in BETWEEN_STEPS if beat is None else are_between_steps(tick.beats)
        self._is_between = between and not all(_is_held_up(seen) for seen, *_ in self._working)

    def _remember_work(self, tick: Tick) -> None:
        main = main_process(tick.processes, tick.beats)
        self._saw_start = main is not None and main.started_s is not None and main.started_s >= -STARTED_WITH_US_S
        self._cpus = usable_cpus(tick, self._cpus)
        if tick.processes:
            self._see_stopped(tick)
            # An unmeasured process may be working: it must not raise an alarm.
            unmeasured = any(process.cpu_ratio is None and process.state not in STILL for process in tick.processes)
            ratios = [process.cpu_ratio or 0.0 for process in tick.processes]
            main_works = main is not None and (main.cpu_ratio or 0.0) >= WORKING_CPU_RATIO
            cpus = self._cpus if self._cpus is not None else float("inf")
            works = works_together(ratios, cpus)
            self._working.append((tick, main_works, unmeasured or works, _is_fed_slowly(tick, cpus)))
            if unmeasured or not is_idle(tick.processes):
                self._idle_since_s = None
            elif self._idle_since_s is None:
                self._idle_since_s = tick.t_s
        while self._working and self._working[0][0].t_s < tick.t_s - QUIET_S:
            self._working.popleft()
        if self._ready().difference(process.pid for process in tick.processes if process.role in DATA_WORKERS):
            self._idle_since_s = None  # on a crowded machine: at work, with hardly any CPU

    def _see_stopped(self, tick: Tick) -> None:
        rank = stopped_rank(tick)
        if rank is None or rank.state == HELD:
            self._stopped = None
        elif self._stopped is None or self._stopped[0] != rank.pid:
            self._stopped = (rank.pid, tick.t_s)

    def _ready(self) -> set[int]:
        return ready_to_run(seen for seen, *_ in self._working)

    def _alarm_now(self, tick: Tick) -> tuple[Episode, ...]:
        main = main_process(tick.processes, tick.beats)
        if not self._working or self._progress.at_s is None or main is None or main.state in ENDED:
            return ()
        if not (self._progress.has_moved or (self._progress.has_beat and self._phase.phase != "unknown")):
            return ()  # a program that never reported progress may sleep
        age_s = tick.t_s - self._progress.at_s
        quiet = not any(anybody for _, _, anybody, _ in self._working)
        long_enough = tick.t_s - self._working[0][0].t_s >= QUIET_S - 1.5
        is_quiet = quiet and long_enough and not self._ready()
        if self._plain.is_plain:
            return self._judge_plain(tick, is_quiet=is_quiet)
        if is_quiet and age_s >= self.limit_s:
            return self._alarm(tick, age_s, self.limit_s, NOBODY_WORKS())
        if is_quiet and self._worker_failed and not self._is_between and age_s >= FLOOR_AFTER_ERRORS_S:
            return self._alarm(tick, age_s, FLOOR_AFTER_ERRORS_S, NOBODY_WORKS())
        idle_s = 0.0 if self._idle_since_s is None else tick.t_s - self._idle_since_s
        limit_s = IDLE_AT_START_S if self._phase.phase in ("startup", "unknown") else IDLE_S
        others_judge = self._is_between or self._phase.phase in ("train", "validate", "epoch-end")
        if min(idle_s, age_s) >= limit_s and not others_judge:
            return self._alarm(tick, age_s, limit_s, NOTHING_DONE())
        main_busy = all(main for _, main, _, _ in self._working)
        if main_busy and age_s >= self.busy_limit_s:
            return self._alarm(tick, age_s, self.busy_limit_s, BUSY_IN_STEP())
        limit_s = max(self.busy_limit_s, FLOOR_WORKERS_BUSY_S)
        fed_slowly = self._phase.phase in ("train", "validate") and all(slowly for *_, slowly in self._working)
        if fed_slowly and age_s >= limit_s:
            return self._alarm(tick, age_s, limit_s, BUSY_WORKERS())
        return ()

    # Only the time inside next() counts; without evidence about a worker it takes minutes. A process that is stopped
    # does nothing, wherever that happened; the other ranks wait for it, and with NCCL they spin meanwhile.
    def _judge_plain(self, tick: Tick, *, is_quiet: bool) -> tuple[Episode, ...]:
        if self._stopped is not None:
            stopped_s = tick.t_s - max(self._progress.at_s or 0.0, self._stopped[1])
            if stopped_s >= FLOOR_S["train"]:
                return self._alarm(tick, stopped_s, FLOOR_S["train"], RANK_STOPPED())
        if not is_quiet:
            return ()
        idle_s = 0.0 if self._idle_since_s is None else tick.t_s - self._idle_since_s
        age_s = waited_s(tick)
        if age_s is None:
            return ()
        limit_s = max(FLOOR_S["train"], self.limit_s)
        if age_s >= limit_s and self._plain.blames_worker(tick, within_s=FLOOR_S["train"]):
            return self._alarm(tick, age_s, limit_s, NOBODY_WORKS())
        limit_s = self._plain.stands_s
        return self._alarm(tick, age_s, limit_s, NOTHING_DONE()) if min(age_s, idle_s) >= limit_s else ()

    @property
    def limit_s(self) -> float:
        """Seconds without progress that raise an alarm while no process works."""
        phase = self._phase.phase
        floor = FLOOR_S["startup" if phase == "unknown" and self._saw_start else phase]
        if self._is_between or phase in BETWEEN_STEPS:
            floor = FLOOR_BETWEEN_S if self._is_between else floor
            return max(floor, TIMES_LONGEST * self._progress.longest_between_s)
        if phase not in ("train", "validate"):
            return floor
        if not self._progress.has_beat:
            return FLOOR_WITHOUT_BEAT_S
        longest = self._progress.longest_step_s
        return FLOOR_FIRST_STEPS_S if longest is None else max(floor, TIMES_LONGEST * longest)

    @property
    def busy_limit_s(self) -> float:
        """Seconds without progress that raise an alarm although the main thread works."""
        if self._phase.phase == "epoch-end":
            return max(FLOOR_BUSY_AT_EPOCH_END_S, TIMES_LONGEST * self._progress.longest_between_s)
        longest = self._progress.longest_step_s
        if self._phase.phase not in ("train", "validate") or longest is None:
            return float("inf")
        return max(FLOOR_BUSY_S, TIMES_LONGEST_BUSY * longest)

    def _alarm(self, tick: Tick, age_s: float, limit_s: float, sign: Message) -> tuple[Episode, ...]:
        main = stopped_rank(tick) or main_process(tick.processes, tick.beats)
        self._open = Episode(
            kind="stall",
            phase=self._phase.phase,
            start_s=tick.t_s - age_s,
            alarm_s=tick.t_s,
            detector=self.name,
            subject="training",
            pid=main.pid if main else None,
            reason=NO_PROGRESS(age=age_s, limit=min(limit_s, age_s), sign=sign),
        )
        return (self._open,)


def is_idle(processes: tuple[ProcessSample, ...]) -> bool:
    """Return whether no process does anything; data workers may poll within a small CPU limit."""
    limit = POLLING_CORES if any(process.role in WORKERS for process in processes) else IDLE_CORES
    return all(
        (process.cpu_ratio or 0.0) <= limit
        and process.state != "D"
        and (process.state != "R" or process.role in WORKERS)
        for process in processes
    )


def _is_held_up(tick: Tick) -> bool:
    mains = (process for process in tick.processes if process.role == "main")
    return any(process.state in STILL or is_in_freezer(process) or waits_for_storage(process) for process in mains)


def _is_fed_slowly(tick: Tick, cpus: float) -> bool:
    waits = any(beat.waits_for in ("train-batch", "val-batch") for beat in working(tick.beats))
    return waits and works_together(
        (process.cpu_ratio or 0.0 for process in tick.processes if process.role in DATA_WORKERS), cpus
    )
