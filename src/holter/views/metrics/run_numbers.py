"""The values of the metrics, computed from the ticks and events of a tape. Uses no clock and no file."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from holter.history.actions import is_echo
from holter.history.fates import Fate, last_end
from holter.history.ranks import main_beat
from holter.records import (
    DATA_WORKERS,
    ActionTaken,
    Beat,
    ContractSettled,
    Environment,
    Episode,
    EpochEnded,
    Event,
    GpuSample,
    Judged,
    PhaseChanged,
    ProcessEnded,
    Tick,
)
from holter.reports.outcome import outcome_of
from holter.tape import Recording
from holter.views.metrics import names
from holter.views.metrics.counting import Total
from holter.views.metrics.wall_time import WallTime

# The recorder writes every second and commits every two; a busy disk may take a while.
SILENT_S = 30.0
GPU_MEAN_S = 60.0
# A cause is mostly named within seconds; after this time an incident is counted without.
NAMED_WITHIN_S = 60.0
# Actions that change the run; the others prepare them, or only look after checkpoints.
ACTIONS = ("replace-workers", "restart", "export-again", "stop", "wait", "set-aside-checkpoint")
PHASES_KEPT = 100
# Log and heartbeat tell the same change a moment apart.
LATE_S = 60.0
GONE = ("Z", "X")

E = TypeVar("E", EpochEnded, ContractSettled, Judged)
Identity = tuple[str, str, float]


class Value(NamedTuple):
    """One series; ``labels`` are the values of ``metric.labels``, in that order (``run`` is not among them)."""

    metric: names.Metric
    value: float
    labels: tuple[str, ...] = ()


class RunNumbers:
    """Keeps what the metrics of one run need; ``values`` computes them at each scrape."""

    def __init__(self) -> None:
        self.wall = WallTime()
        self.environment: Environment | None = None
        self.finished = False  # the recorder has closed the tape
        self.abandoned = False  # it has not, and nobody writes to it any more
        self._t_s = 0.0
        self._beat: Beat | None = None
        self._steps, self._waited, self._computed = Total(), Total(), Total()
        self._epoch: EpochEnded | None = None
        self._contract: ContractSettled | None = None
        self._phases: deque[PhaseChanged] = deque(maxlen=PHASES_KEPT)
        self._events: list[Event] = []  # ends and actions: few
        self._episodes: dict[Identity, Episode] = {}
        self._judged: dict[Identity, Judged] = {}
        self._counted: dict[Identity, str] = {}
        self._gpus: deque[tuple[float, tuple[GpuSample, ...]]] = deque()
        self._workers: int | None = None
        self._known_workers: set[object] = set()
        self._most_workers = 0

    def learn(self, environment: Environment) -> None:
        """Set the description of the run; a later one replaces it."""
        self.environment = environment
        self.wall.begin(environment.began_s)

    def see(self, tick: Tick) -> None:
        """Keep what the metrics need of the next tick, and of its events."""
        self._t_s = max(self._t_s, tick.t_s)
        beat = main_beat(tick)
        if beat is not None:
            self._see_beat(beat)
        if tick.processes:
            self._see_workers(tick)
        gpus = tuple(gpu for gpu in tick.gpus if gpu.source != "none")
        if gpus:
            self._gpus.append((tick.t_s, gpus))
        while self._gpus and self._gpus[0][0] < self._t_s - GPU_MEAN_S:
            self._gpus.popleft()
        for event in tick.events:
            self.hear(event)

    def hear(self, event: Event) -> None:
        """Keep what the metrics need of one event; older events may come after newer ones."""
        # Of a tape with very many events the oldest are read last.
        if isinstance(event, EpochEnded):
            self._epoch = _newer(self._epoch, event)
        elif isinstance(event, PhaseChanged):
            if not self._phases or event.t_s > self._phases[-1].t_s - LATE_S:
                self._phases.append(event)
        elif isinstance(event, ActionTaken) or (isinstance(event, ProcessEnded) and event.role == "main"):
            self._events.append(event)
        elif isinstance(event, ContractSettled):
            self._contract = _newer(self._contract, event)
        elif isinstance(event, Judged):
            self._judged[event.identity] = _newer(self._judged.get(event.identity), event)

    def mark(self, episode: Episode) -> None:
        """Remember an episode; its newer state replaces the older one."""
        self._episodes[episode.identity] = episode

    def values(self, now_s: float) -> Iterator[Value]:
        """Yield all series that are known at this moment (Unix time)."""
        recording = self._recording()
        newest_s = self.wall.newest_s
        is_silent = self.abandoned or (newest_s is not None and now_s - newest_s > SILENT_S)
        outcome = outcome_of(recording, is_over=is_silent or self.finished, lost_s=0.0)
        # A recorder that ends before the first step does not know that nothing was trained.
        state = "cut" if outcome.state == "nothing-trained" and is_silent else outcome.state
        yield Value(names.INFO, 1.0, self._about())
        for name in names.STATES:
            yield Value(names.STATE, float(name == state), (name,))
        end = last_end(recording)
        yield from _known(names.STARTED, self.wall.started_s)
        yield from _known(names.ENDED, None if end is None or outcome.runs else self.wall.at(end.t_s))
        yield from _known(names.TAPE, newest_s)
        yield from self._progress()
        yield from self._workers_now()
        yield Value(names.STALLED, self._stalled_s())
        yield from self._incidents(outcome.fates)
        yield from self._heals()
        yield from self._gpus_now()

    def _recording(self) -> Recording:
        # What an outcome is made from: the newest heartbeat, and the few events that decide.
        few = (self._epoch, self._contract, *self._judged.values())
        events = (*self._phases, *self._events, *(event for event in few if event is not None))
        beats = () if self._beat is None else (self._beat,)
        return Recording(
            all_ticks=(Tick(t_s=self._t_s, beats=beats, events=events),),
            all_episodes=tuple(self._episodes.values()),
            environment=self.environment,
            finished=self.finished,
        )

    def _about(self) -> tuple[str, ...]:
        known = self.environment or Environment(wall_start="")
        plans = dict(known.plans)
        about = (plans.get(name, "") for name in ("dataset", "configuration", "fold", "trainer", "plans"))
        return (*about, known.hostname or "", known.slurm_job or "", known.holter or "")

    def _see_beat(self, beat: Beat) -> None:
        if self._beat is not None and self._beat.pid != beat.pid:
            self._known_workers.clear()
            self._most_workers = 0
        self._beat = beat
        self._steps.see(beat.pid, beat.steps_total)
        self._waited.see(beat.pid, beat.data_wait_s_total)
        self._computed.see(beat.pid, beat.compute_s_total)

    def _see_workers(self, tick: Tick) -> None:
        workers = [process for process in tick.processes if process.role in DATA_WORKERS and process.state not in GONE]
        self._workers = len(workers)
        self._most_workers = max(self._most_workers, len(workers))
        # A worker that replaces another has its number: it is no additional one.
        self._known_workers |= {
            (worker.role, worker.worker_index) for worker in workers if worker.worker_index is not None
        }

    def _progress(self) -> Iterator[Value]:
        beat, epoch = self._beat, self._epoch
        planned = self.environment.num_epochs if self.environment is not None else None
        if beat is not None:
            yield from _known(names.STEP, self.wall.at(beat.progressed_s))
            yield Value(names.STEPS, self._steps.value)
            yield from _known(names.EPOCH, beat.epoch if planned is None or beat.epoch != planned else planned - 1)
            yield Value(names.WAITED, self._waited.value)
            yield Value(names.COMPUTED, self._computed.value)
        # A recording may begin in the middle of a training: no epoch seen is not none done.
        begun = None if beat is None else beat.epoch
        yield from _known(names.COMPLETED, begun if epoch is None else epoch.epoch + 1)
        yield from _known(names.PLANNED, planned)
        if epoch is None:
            return
        yield from _known(names.EPOCH_S, epoch.duration_s)
        for part, name, loss in (
            ("train", "train_loss", epoch.train_loss),
            ("validation", "val_loss", epoch.val_loss),
        ):
            yield from _known(names.LOSS, math.nan if name in epoch.not_finite else loss, part)
        dice = [value for value in epoch.pseudo_dice or () if not math.isnan(value)]
        yield from _known(names.DICE, sum(dice) / len(dice) if dice else None)

    def _workers_now(self) -> Iterator[Value]:
        if self._workers is not None:
            yield Value(names.WORKERS, self._workers)
            is_done = self._beat is not None and self._beat.phase in ("final-validation", "shutdown")
            expected = len(self._known_workers) or self._most_workers
            yield Value(names.EXPECTED, self._workers if is_done else expected)

    def _stalled_s(self) -> float:
        stalls = (episode for episode in self._episodes.values() if episode.kind == "stall")
        return sum(max(0.0, (self._t_s if stall.end_s is None else stall.end_s) - stall.start_s) for stall in stalls)

    def _incidents(self, fates: Sequence[Fate]) -> Iterator[Value]:
        for key, episode in self._episodes.items():
            cause = self._cause_of(episode)
            is_late = episode.end_s is not None or self._t_s - episode.alarm_s >= NAMED_WITHIN_S or self.finished
            if key not in self._counted and (cause != names.UNKNOWN or is_late):
                self._counted[key] = cause
        times = Counter(self._counted.values())
        yield from _most(names.INCIDENTS, {(cause,): count for cause, count in times.items()}, names.MOST_CAUSES)
        become = zip(self._episodes.values(), fates, strict=True)
        still = Counter((episode.kind, self._cause_of(episode)) for episode, fate in become if fate == "open")
        for kind_cause, count in still.most_common(names.MOST_OPEN):
            yield Value(names.OPEN, count, kind_cause)

    def _cause_of(self, episode: Episode) -> str:
        judged = self._judged.get(episode.identity)
        return names.UNKNOWN if judged is None or judged.cause is None else judged.cause

    def _heals(self) -> Iterator[Value]:
        seen: list[ActionTaken] = []
        for event in self._events:
            if (
                isinstance(event, ActionTaken)
                and event.action in ACTIONS
                and event.state != "begun"
                and not any(is_echo(event, earlier) for earlier in seen)
            ):
                seen.append(event)
        times: Counter[tuple[str, ...]] = Counter((event.action, event.state) for event in seen)
        yield from _most(names.HEALS, times, names.MOST_HEALS)

    def _gpus_now(self) -> Iterator[Value]:
        if not self._gpus:
            return
        newest = self._gpus[-1][1]
        ours = [gpu for gpu in newest if any(process.ours for process in gpu.processes or ())] or list(newest)
        for gpu in sorted(ours, key=lambda gpu: gpu.index)[: names.MOST_GPUS]:
            shares = [
                sample.utilization_ratio
                for _, gpus in self._gpus
                for sample in gpus
                if sample.index == gpu.index and sample.utilization_ratio is not None
            ]
            yield from _known(names.GPU, sum(shares) / len(shares) if shares else None, str(gpu.index))
            yield from _known(names.GPU_MEMORY, gpu.memory_used_bytes, str(gpu.index))
        stages = {gpu.licence_stage for gpu in newest if gpu.licence_supported and gpu.licence_stage is not None}
        if stages - {"unknown"}:
            yield Value(names.UNLICENSED, float(any(stage.startswith("unlicensed") for stage in stages)))


def _newer(before: E | None, event: E) -> E:
    return event if before is None or event.t_s >= before.t_s else before


def _known(metric: names.Metric, value: float | None, *labels: str) -> Iterator[Value]:
    if value is not None:
        yield Value(metric, float(value), labels)


def _most(metric: names.Metric, counts: dict[tuple[str, ...], int], most: int) -> Iterator[Value]:
    # The first ones keep their series; a counter must never go back.
    kept = list(counts.items())[:most]
    for labels, count in kept:
        yield Value(metric, count, labels)
    rest = sum(count for _, count in list(counts.items())[most:])
    if rest:
        yield Value(metric, rest, tuple(names.OTHER for _ in metric.labels))


def only(values: Iterable[Value], metrics: Iterable[names.Metric]) -> list[Value]:
    kept = set(metrics)
    return [value for value in values if value.metric in kept]
