"""Investigate a new episode: stacks of the processes concerned, and a second judgement when slow facts have arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from holter.detectors.pauses import PausesDetector
from holter.history.ranks import main_beat
from holter.probes.process.stacks import StackDumper
from holter.records import Episode, ProcessSample, Role, StackDump, Tick

# The cause is named when the stacks have arrived, or after this long without them.
STACKS_WITHIN_S = 4.0
PAUSES = PausesDetector.name
# Slow facts (licence text, storage latency, throttled periods, how the training went on) arrive by then; the episode
# is judged again, and the verdict is reported again only if it changed.
JUDGED_AGAIN_S = (4.0, 8.0, 20.0, 45.0)
# Only stacks some seconds apart show that a process is stuck, and a training may start to wait for a frozen worker only
# later. So stacks are taken again after each of these judgements.
STACKS_AGAIN_AFTER = (1, 2, 3)
# A pause is over when it is noticed: stacks are taken in the next one, after it has lasted this long.
IN_PAUSE_S = 2.0
STACKS_OF_PAUSES = 3
# Stacks are taken of the main process, the subject, and at most this many workers (10 ms each).
WORKERS_DUMPED = 14


# Workers that the main process waits for in a phase; otherwise the training workers.
WAITED_FOR: dict[str, Role] = {"validate": "val-worker", "final-validation": "export-worker"}


def concerned(episode: Episode, processes: Sequence[ProcessSample]) -> dict[int, Role]:
    """Return PID and role of the processes whose stacks are needed to explain an episode.

    The main process and the episode's own process come first, then some workers: those that the training waits for
    first.
    """
    wanted = [process for process in processes if process.role == "main" or process.pid == episode.pid]
    others = [process for process in processes if process.role.endswith("-worker") and process not in wanted]
    waited_for = WAITED_FOR.get(episode.phase, "train-worker")
    others.sort(key=lambda process: process.role != waited_for)
    return {process.pid: process.role for process in wanted + others[:WORKERS_DUMPED]}


class Investigation(msgspec.Struct, kw_only=True):
    """An episode that is being investigated: since when, how often it was judged, and how often stacks were taken."""

    episode: Episode
    asked_s: float = 0.0
    verdicts: int = 0  # how many were given so far
    over: bool = False
    stacks_s: float = 0.0  # time of the last request for stacks
    stacks: int = 0


class Investigator:
    """Takes stacks for new episodes in the background, and decides when a verdict is due."""

    def __init__(
        self,
        scratch: Path,
        fault_signal: Callable[[int], int | None],
        write: Callable[[tuple[StackDump, ...]], None],
    ) -> None:
        """``write``: is given the dumps that have arrived, for the tape."""
        self._dumper = StackDumper(scratch=scratch, fault_signal=fault_signal)
        self._open: list[Investigation] = []
        self._queue: list[tuple[Episode, dict[int, Role], float]] = []
        self._stacks: list[StackDump] = []
        self._write = write

    @property
    def stacks(self) -> tuple[StackDump, ...]:
        """Every dump so far."""
        return tuple(self._stacks)

    def open(self, episode: Episode, recent: Sequence[Tick]) -> None:
        """Start to investigate an episode; ``recent`` are the last ticks, which show its processes."""
        self._open.append(Investigation(episode=episode, asked_s=recent[-1].t_s))
        if episode.detector != PAUSES:
            self._ask_for_stacks(episode, recent)

    def ready(self, recent: Sequence[Tick]) -> list[Episode]:
        """Return the episodes whose cause should be searched (again) now; ``recent``: the last ticks, oldest first."""
        t_s = recent[-1].t_s
        self.collect(t_s)
        self._start_next()
        due = []
        for investigation in self._open:
            if self._is_due(investigation, t_s - investigation.asked_s):
                investigation.verdicts += 1
                due.append(investigation.episode)
                if (
                    investigation.verdicts in STACKS_AGAIN_AFTER
                    and not investigation.over
                    and investigation.episode.detector != PAUSES
                ):
                    self._ask_for_stacks(investigation.episode, recent)
            elif investigation.episode.detector == PAUSES:
                self._dump_in_pause(investigation, recent)
        self._open = [
            investigation
            for investigation in self._open
            if investigation.verdicts <= len(JUDGED_AGAIN_S) and not investigation.over
        ]
        return due

    def over(self, episode: Episode) -> None:
        """End the investigation of an episode that is over; ``ready`` returns it once more, for a last verdict."""
        self._queue = [queued for queued in self._queue if queued[0].identity != episode.identity]
        for investigation in self._open:
            investigation.over = investigation.over or investigation.episode.identity == episode.identity

    def forget(self) -> None:
        """Drop all investigations, because the process that they concern was replaced."""
        self._open.clear()
        self._queue.clear()

    def collect(self, t_s: float | None = None) -> None:
        """Take and write the stack dumps that have arrived. ``t_s``: when they are taken; None: after the training."""
        fresh = tuple(msgspec.structs.replace(dump, came_s=t_s) for dump in self._dumper.collect())
        self._stacks += fresh
        if fresh:
            self._write(fresh)

    def close(self) -> None:
        """Cancel a stack dump that still runs."""
        self._dumper.close()

    def _is_due(self, investigation: Investigation, waited_s: float) -> bool:
        if investigation.over:
            return True
        if investigation.verdicts > 0:
            return waited_s >= JUDGED_AGAIN_S[investigation.verdicts - 1]
        stacks_done = not self._queue and not self._dumper.busy
        return waited_s >= STACKS_WITHIN_S or (stacks_done and (waited_s > 0 or investigation.episode.kind == "death"))

    def _dump_in_pause(self, investigation: Investigation, recent: Sequence[Tick]) -> None:
        # Some seconds apart, in the same pause or in the next ones.
        beat, t_s = main_beat(recent[-1]), recent[-1].t_s
        if beat is None or beat.progressed_s is None or investigation.stacks >= STACKS_OF_PAUSES:
            return
        if t_s - beat.progressed_s >= IN_PAUSE_S and t_s - investigation.stacks_s >= IN_PAUSE_S:
            investigation.stacks, investigation.stacks_s = investigation.stacks + 1, t_s
            self._ask_for_stacks(investigation.episode, recent)

    def _ask_for_stacks(self, episode: Episode, recent: Sequence[Tick]) -> None:
        if episode.kind not in ("stall", "slow-down"):
            return
        processes = next((tick.processes for tick in reversed(recent) if tick.processes), ())
        self._queue.append((episode, concerned(episode, processes), recent[-1].t_s))
        self._start_next()

    def _start_next(self) -> None:
        if self._queue and not self._dumper.busy:
            _, pids, t_s = self._queue.pop(0)
            self._dumper.start(pids, t_s)
