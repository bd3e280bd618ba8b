"""The part of a recording that concerns one episode: the ticks before it, during it and at the alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import TypeVar

from holter.history.ranks import main_of, main_process
from holter.records import Beat, Episode, GpuSample, ProcessSample, Role, StackDump, StorageSample, Tick
from holter.tape import Recording

# How far back evidence reads: enough for a usual step time, near enough to be comparable.
BEFORE_S = 600.0
# Licence stages, exit codes and stacks reach the tape a few seconds after the alarm.
AFTER_ALARM_S = 30.0
# Seconds that describe "now": one tick can miss a process or a slow probe.
NOW_S = 6.0
# Seconds after the alarm that still count as "now": the sample that raised the alarm may be late for one process.
SOON_S = 2.0
# On a crowded machine a working process is ready to run in every sample, however little CPU it gets. One that only
# polls its queue waits for a CPU too: it was ready in up to six of ten samples at a load of 20 per core.
READY_PART = 0.9

T = TypeVar("T")


class Window:
    """One episode with the ticks around it."""

    def __init__(self, recording: Recording, episode: Episode) -> None:
        self.recording = recording
        self.episode = episode
        self.end_s = min(episode.alarm_s + AFTER_ALARM_S, episode.end_s if episode.end_s is not None else float("inf"))
        self.end_s = max(self.end_s, episode.alarm_s)
        start_s = episode.start_s
        self.before = tuple(recording.ticks(start_s - BEFORE_S, start_s))
        # The tick that ended an episode already shows a healthy run.
        last_s = self.end_s if self.end_s == episode.alarm_s else self.end_s - 1e-3
        self.during = tuple(recording.ticks(start_s, last_s))
        self.all = tuple(recording.ticks(None, self.end_s))
        # A dead process is missing from the ticks of its own death: use the moment before.
        moment_s = episode.start_s if episode.kind == "death" else episode.alarm_s
        until_s = moment_s if episode.kind == "death" else min(moment_s + SOON_S, last_s)
        self.now = tuple(recording.ticks(moment_s - NOW_S, until_s))

    @property
    def has_heartbeat(self) -> bool:
        """Return whether any process of the training reported its steps before the end of the episode."""
        return any(tick.beats for tick in self.all)

    @property
    def has_process_tree(self) -> bool:
        """Return whether the processes of the training were read before the end of the episode."""
        return any(tick.processes for tick in self.all)

    def processes(self, *roles: Role) -> tuple[ProcessSample, ...]:
        """Return the latest sample of each process of these roles (default: all) around the alarm."""
        latest: dict[int, ProcessSample] = {}
        for tick in self.now:
            if tick.processes:
                latest = {process.pid: process for process in tick.processes}
        return tuple(process for process in latest.values() if not roles or process.role in roles)

    def main(self) -> ProcessSample | None:
        """Return the main process around the alarm, or None."""
        return main_process(self.processes(), self.beats())

    def beats(self, *roles: Role) -> tuple[Beat, ...]:
        """Return the latest heartbeat of each process of these roles (default: all) around the alarm."""
        latest: dict[int, Beat] = {}
        for tick in self.now:
            for beat in tick.beats:
                latest[beat.pid] = beat
        return tuple(beat for beat in latest.values() if not roles or beat.role in roles)

    def main_beat(self) -> Beat | None:
        """Return the heartbeat of the main process around the alarm, or None."""
        return main_of(self.beats())

    def gpus(self, ticks: Iterable[Tick] | None = None) -> tuple[GpuSample, ...]:
        """Return all GPU samples that were really read (source "none" is excluded)."""
        ticks = self.during if ticks is None else ticks
        return tuple(gpu for tick in ticks for gpu in tick.gpus if gpu.source != "none")

    def storage(self, label: str, ticks: Iterable[Tick] | None = None) -> tuple[StorageSample, ...]:
        """Return all samples of one labelled path."""
        ticks = self.during if ticks is None else ticks
        return tuple(sample for tick in ticks for sample in tick.storage if sample.label == label)

    def stack(self, pid: int | None) -> StackDump | None:
        """Return the stack of a process taken nearest to the alarm, not before the episode; or None."""
        dumps = [
            dump
            for dump in self.recording.stacks()
            if dump.pid == pid and self.episode.start_s - 1 <= dump.t_s <= self.end_s + AFTER_ALARM_S
        ]
        return min(dumps, key=lambda dump: abs(dump.t_s - self.episode.alarm_s), default=None)


def mean_cpu(ticks: Iterable[Tick], pid: int) -> float | None:
    """Return the mean number of cores used by a process over some ticks; None if it was never measured."""
    ratios = [
        process.cpu_ratio
        for tick in ticks
        for process in tick.processes
        if process.pid == pid and process.cpu_ratio is not None
    ]
    return sum(ratios) / len(ratios) if ratios else None


def ready_to_run(readings: Iterable[Tick], part: float = READY_PART) -> set[int]:
    """Return the PIDs of processes that run or wait for a CPU (state R) in at least the share ``part`` of the ticks.

    Ticks without a sample of processes do not count. Ticks in which a process is in state D, such as a page fault, do
    not count against it, unless these are as many.
    """
    seen = [tick for tick in readings if tick.processes]
    ready = Counter(process.pid for tick in seen for process in tick.processes if process.state == "R")
    blocked = Counter(process.pid for tick in seen for process in tick.processes if process.state == "D")
    counted = {pid: len(seen) - (blocked[pid] if blocked[pid] < count else 0) for pid, count in ready.items()}
    return {pid for pid, count in ready.items() if count >= part * counted[pid]}


def middle(values: Iterable[float | None]) -> float | None:
    """Return the median of the known values; None if none is known."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def last(values: Iterable[T | None]) -> T | None:
    """Return the last known value; None if none is known."""
    latest: T | None = None
    for value in values:
        latest = value if value is not None else latest
    return latest
