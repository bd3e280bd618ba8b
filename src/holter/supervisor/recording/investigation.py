"""A closer look at a new episode: stacks of those concerned, then a second look when slow facts have come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from holter.detectors import identity
from holter.detectors.pauses import PausesDetector
from holter.detectors.view import main_beat
from holter.probes.process.stacks import StackDumper
from holter.records import Episode, ProcessSample, Role, StackDump, Tick

# The cause is named when the stacks are there, or after this long without them.
STACKS_WITHIN_S = 4.0
PAUSES = PausesDetector.name
# Slow facts (licence text, storage latency, throttled periods, what became of the training) arrive by then; the
# verdict is looked at again and told again only if it changed.
SECOND_LOOKS_S = (4.0, 8.0, 20.0, 45.0)
# Where a process stands is told by stacks some seconds apart; and a worker was frozen at first, and the training waits
# for it only now. So stacks are taken once more after each of these looks.
STACKS_AGAIN_AFTER = (1, 2, 3)
# Pauses are over when they are noticed: stacks are taken in the next one, once it has lasted this long.
IN_PAUSE_S = 2.0
STACKS_OF_PAUSES = 3
# Stacks are taken of the main process, the subject, and at most this many workers: 10 ms each.
WORKERS_DUMPED = 14


# Whose work the main process waits for in a phase; else that of the training workers.
WAITED_FOR: dict[str, Role] = {"validate": "val-worker", "final-validation": "export-worker"}


def concerned(episode: Episode, processes: Sequence[ProcessSample]) -> dict[int, Role]:
    """PID and role of those whose stacks tell of this episode; of the workers those first that are waited for."""
    wanted = [one for one in processes if one.role == "main" or one.pid == episode.pid]
    others = [one for one in processes if one.role.endswith("-worker") and one not in wanted]
    waited_for = WAITED_FOR.get(episode.phase, "train-worker")
    others.sort(key=lambda one: one.role != waited_for)
    return {one.pid: one.role for one in wanted + others[:WORKERS_DUMPED]}


class Investigation(msgspec.Struct, kw_only=True):
    """One episode under investigation."""

    episode: Episode
    asked_s: float = 0.0
    looks: int = 0
    over: bool = False
    stacks_s: float = 0.0  # when stacks were asked for last
    stacks: int = 0


class Investigator:
    """Takes stacks for new episodes beside the recorder, and says when a verdict is due."""

    def __init__(self, scratch: Path, fault_signal: Callable[[int], int | None]) -> None:
        self._dumper = StackDumper(scratch=scratch, fault_signal=fault_signal)
        self._open: list[Investigation] = []
        self._queue: list[tuple[dict[int, Role], float]] = []
        self._stacks: list[StackDump] = []
        self._new: list[StackDump] = []

    @property
    def stacks(self) -> tuple[StackDump, ...]:
        """Every dump so far, those not yet on the tape included."""
        return tuple(self._stacks)

    def open(self, episode: Episode, recent: Sequence[Tick]) -> None:
        """Begin with a new episode; ``recent`` ticks tell who is there."""
        self._open.append(Investigation(episode=episode, asked_s=recent[-1].t_s))
        if episode.detector != PAUSES:
            self._ask_for_stacks(episode, recent)

    def ready(self, recent: Sequence[Tick]) -> list[Episode]:
        """Episodes whose verdict is due now."""
        t_s = recent[-1].t_s
        self._collect(t_s)
        self._start_next()
        due = []
        for one in self._open:
            if self._is_due(one, t_s - one.asked_s):
                one.looks += 1
                due.append(one.episode)
                if one.looks in STACKS_AGAIN_AFTER and not one.over and one.episode.detector != PAUSES:
                    self._ask_for_stacks(one.episode, recent)
            elif one.episode.detector == PAUSES:
                self._look_into_pause(one, recent)
        self._open = [one for one in self._open if one.looks <= len(SECOND_LOOKS_S) and not one.over]
        return due

    def over(self, episode: Episode) -> None:
        """One last look: what comes after this belongs to a healthy run."""
        for one in self._open:
            one.over = one.over or identity(one.episode) == identity(episode)

    def forget(self) -> None:
        """Look into nothing any more: the process that it was about has been replaced."""
        self._open.clear()
        self._queue.clear()

    def new_stacks(self) -> list[StackDump]:
        """Dumps that are not on the tape yet."""
        new, self._new = self._new, []
        return new

    def hurry(self) -> list[StackDump]:
        """What has come in since; the training is over."""
        self._collect()
        return self.new_stacks()

    def close(self) -> None:
        """End a sweep that is going."""
        self._dumper.close()

    def _is_due(self, one: Investigation, waited_s: float) -> bool:
        if one.over:
            return True
        if one.looks > 0:
            return waited_s >= SECOND_LOOKS_S[one.looks - 1]
        stacks_done = not self._queue and not self._dumper.busy
        return waited_s >= STACKS_WITHIN_S or (stacks_done and (waited_s > 0 or one.episode.kind == "death"))

    def _look_into_pause(self, one: Investigation, recent: Sequence[Tick]) -> None:
        """Take stacks while the training pauses, some seconds apart in the same pause or in the next ones."""
        beat, t_s = main_beat(recent[-1]), recent[-1].t_s
        if beat is None or beat.progressed_s is None or one.stacks >= STACKS_OF_PAUSES:
            return
        if t_s - beat.progressed_s >= IN_PAUSE_S and t_s - one.stacks_s >= IN_PAUSE_S:
            one.stacks, one.stacks_s = one.stacks + 1, t_s
            self._ask_for_stacks(one.episode, recent)

    def _ask_for_stacks(self, episode: Episode, recent: Sequence[Tick]) -> None:
        if episode.kind not in ("stall", "slow-down"):
            return
        processes = next((tick.processes for tick in reversed(recent) if tick.processes), ())
        self._queue.append((concerned(episode, processes), recent[-1].t_s))
        self._start_next()

    def _collect(self, t_s: float | None = None) -> None:
        fresh = tuple(msgspec.structs.replace(dump, came_s=t_s) for dump in self._dumper.collect())
        self._stacks += fresh
        self._new += fresh

    def _start_next(self) -> None:
        if self._queue and not self._dumper.busy:
            pids, t_s = self._queue.pop(0)
            self._dumper.start(pids, t_s)
