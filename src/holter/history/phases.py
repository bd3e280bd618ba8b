"""Divide a run into spans: which phase of which process each second belongs to. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from holter.history.ranks import main_beat
from holter.records import ActionTaken, Phase, PhaseChanged, ProcessEnded
from holter.tape import Recording


class Span(NamedTuple):
    """An interval in one phase of one process."""

    start_s: float
    end_s: float
    phase: Phase
    epoch: int | None
    generation: int


class Restart(NamedTuple):
    """One restart of the training: when its old process ended, and when the new one started and made its first step."""

    generation: int
    down_s: float  # the old process ended, or started to end
    begun_s: float  # the new one was started
    back_s: float | None  # its first step; None: it made none
    died: bool  # the old one ended by itself
    cause: str | None


def end_of_run(recording: Recording) -> float:
    """Return when the last process of the training ended; the end of the recording if it still ran."""
    ends = [event.t_s for event in recording.events(ProcessEnded) if event.role == "main"]
    if not ends:
        return recording.duration_s
    last_s = max(ends)
    later = [event.t_s for event in recording.events(PhaseChanged) if event.t_s > last_s]
    started = [restart.begun_s for restart in restarts(recording) if restart.begun_s > last_s]
    return recording.duration_s if later or started else last_s


def restarts(recording: Recording) -> tuple[Restart, ...]:
    """Return every restart that was carried out, oldest first."""
    by_generation = {
        event.generation: event
        for event in recording.events(ActionTaken)
        if event.action == "restart" and event.state == "begun"
    }
    events = sorted(by_generation.values(), key=lambda event: event.t_s)
    carried_out: list[Restart] = []
    for index, event in enumerate(events):
        since_s = events[index - 1].t_s if index else float("-inf")
        until_s = events[index + 1].t_s if index + 1 < len(events) else None
        deaths = _main_ends(recording, since_s, event.t_s)
        asked = [
            action.t_s
            for action in recording.events(ActionTaken, start_s=since_s, end_s=event.t_s)
            if action.action == "end-group" and action.state == "begun"
        ]
        died = bool(deaths) and not (asked and min(asked) < min(deaths))
        carried_out.append(
            Restart(
                generation=event.generation,
                down_s=min((*deaths, *asked, event.t_s)),
                begun_s=event.t_s,
                back_s=_back_at_work(recording, event, until_s),
                died=died,
                cause=event.cause,
            )
        )
    return tuple(carried_out)


def spans(recording: Recording) -> tuple[Span, ...]:
    """Return the phases of all processes, without gaps except between two processes."""
    changes = sorted(recording.events(PhaseChanged), key=lambda event: event.t_s)
    again = restarts(recording)
    end_s = end_of_run(recording)
    start_times = [restart.begun_s for restart in again]
    stretches: list[Span] = []
    epoch: int | None = None
    for index, change in enumerate(changes):
        generation = bisect_right(start_times, change.t_s)
        until_s = changes[index + 1].t_s if index + 1 < len(changes) else end_s
        if generation < len(again):  # a dead process has no phase
            until_s = min(until_s, max(again[generation].down_s, change.t_s))
        epoch = change.epoch if change.epoch is not None else epoch
        if until_s > change.t_s:
            number = again[generation - 1].generation if generation else 0
            stretches.append(Span(change.t_s, until_s, change.phase, epoch, number))
    return tuple(stretches)


def progress_moments(recording: Recording, start_s: float) -> tuple[float, ...]:
    """Return the times of progress from a moment on, as far as heartbeat samples show them: at most one per tick."""
    moments: list[float] = []
    for tick in recording.ticks(start_s, None):
        beat = main_beat(tick)
        if beat is not None and beat.progressed_s is not None and (not moments or beat.progressed_s > moments[-1]):
            moments.append(beat.progressed_s)
    return tuple(moments)


def _main_ends(recording: Recording, start_s: float, end_s: float) -> list[float]:
    return [event.t_s for event in recording.events(ProcessEnded, start_s=start_s, end_s=end_s) if event.role == "main"]


# Phases with steps.
AT_WORK: tuple[Phase, ...] = ("train", "validate", "epoch-end", "final-validation", "shutdown")


# The first step after a restart, from the heartbeat, the supervisor or the log.
def _back_at_work(recording: Recording, restart: ActionTaken, until_s: float | None) -> float | None:
    for tick in recording.ticks(restart.t_s, until_s):
        beat = main_beat(tick)
        if beat is None or beat.phase not in AT_WORK or beat.progressed_s is None:
            continue
        is_step = beat.steps_total > 0 or beat.phase not in ("train", "validate")
        if is_step and beat.progressed_s > restart.t_s:
            return beat.progressed_s
    done = _first(
        event.t_s
        for event in recording.events(ActionTaken, start_s=restart.t_s, end_s=until_s)
        if (event.action, event.state, event.generation) == ("restart", "done", restart.generation)
    )
    if done is not None or any(main_beat(tick) is not None for tick in recording.ticks(restart.t_s, until_s)):
        return done
    return _first(
        event.t_s
        for event in recording.events(PhaseChanged, start_s=restart.t_s, end_s=until_s)
        if event.phase in AT_WORK
    )


def _first(moments: Iterable[float]) -> float | None:
    return min(moments, default=None)
