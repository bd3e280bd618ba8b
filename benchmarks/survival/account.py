"""Read from the tape of a broken run: time without progress, repeated work, and Holter's actions."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from holter.history.ranks import main_beat
from holter.records import ActionTaken, Beat
from holter.tape import Recording, read

AT_WORK = ("train", "validate", "checkpoint", "final-validation")
# Holter saves all the time; other actions change the course of a run.
NO_ACTIONS = ("save-checkpoint", "wait")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds on the machine's clock; None if the tape does not have them."""

    startup_s: float | None = None  # from the start of the training to its first step
    back_s: float | None = None  # longest time without progress after a fault
    restart_s: float | None = None  # longest time from a fault to the first step of the restarted training
    lost_s: float | None = None  # per fault: time without progress or with repeated work
    actions: tuple[str, ...] = ()
    waited: bool = False
    alarms: int = 0


class Step(NamedTuple):
    """A moment at which something was finished."""

    t_s: float
    pid: int
    epoch: int


def account(tape: Path, struck: Sequence[float]) -> Account:
    """Read the tape; ``struck``: wall-clock times of the faults."""
    recording = read(tape)
    steps = find_steps(recording)
    faults = _on_tape(recording, struck)
    acts = [action for action in recording.events(ActionTaken) if action.state != "proposed"]
    gaps = [gap for fault_s in faults if (gap := longest_gap_s(steps, fault_s, _next(faults, fault_s))) is not None]
    restarts = [s for fault_s in faults if (s := restart_s(steps, fault_s, _next(faults, fault_s))) is not None]
    lost = sum(gaps) + repeated_s(steps)
    return Account(
        startup_s=round(steps[0].t_s, 1) if steps else None,
        back_s=round(max(gaps), 1) if gaps else None,
        restart_s=round(max(restarts), 1) if restarts else None,
        lost_s=round(lost / len(faults), 1) if gaps else None,
        actions=tuple(dict.fromkeys(action.action for action in acts if action.action not in NO_ACTIONS)),
        waited=any(action.action == "wait" for action in acts),
        alarms=len(recording.episodes()),
    )


def find_steps(recording: Recording) -> list[Step]:
    """Return the moments of progress, about one per second while there is any."""
    steps: list[Step] = []
    last: tuple[int, int] | None = None
    for tick in recording.all_ticks:
        beat = main_beat(tick)
        if beat is None or beat.phase not in AT_WORK or beat.steps_total == 0:
            continue
        done = beat.pid, _done(beat)
        if done != last:
            last = done
            steps.append(Step(beat.progressed_s or tick.t_s, beat.pid, beat.epoch or 0))
    return steps


def _done(beat: Beat) -> int:
    # A batch taken is a finished step; the final validation has no batches, but tiles and cases.
    return beat.progress_total if beat.phase == "final-validation" else beat.steps_total


def _on_tape(recording: Recording, struck: Sequence[float]) -> list[float]:
    if recording.environment is None:
        return []
    began = datetime.datetime.fromisoformat(recording.environment.wall_start).timestamp()
    return [moment - began for moment in struck]


def _next(faults: Sequence[float], fault_s: float) -> float:
    return min((other for other in faults if other > fault_s), default=float("inf"))


def longest_gap_s(steps: Sequence[Step], fault_s: float, until_s: float) -> float | None:
    """Longest time without progress that ended after this fault and before the next one. It begins with the fault
    at the earliest: a stopped worker is missed only when its batches are."""
    gaps = [
        after.t_s - max(before.t_s, fault_s)
        for before, after in itertools.pairwise(steps)
        if after.t_s > fault_s and before.t_s < until_s
    ]
    return max(gaps, default=None)


def restart_s(steps: Sequence[Step], fault_s: float, until_s: float) -> float | None:
    """Seconds from the fault to the first step of another process; None if none was started before the next fault."""
    for before, after in itertools.pairwise(steps):
        if after.pid != before.pid and fault_s < after.t_s and before.t_s < until_s:
            return after.t_s - fault_s
    return None


def repeated_s(steps: Sequence[Step]) -> float:
    """Seconds spent on repeated work."""
    total_s = 0.0
    for index, (before, after) in enumerate(itertools.pairwise(steps)):
        if after.pid == before.pid:
            continue
        again = [step.t_s for step in steps[: index + 1] if step.pid == before.pid and step.epoch >= after.epoch]
        total_s += before.t_s - min(again, default=before.t_s)
    return total_s
