"""Cut a recording to what was available when a verdict was reached, so that a replay gives the same verdict.

A live recorder keeps the last minutes complete; of older ticks it keeps only the events whose meaning lasts. A tape
holds more, and also what happened afterwards: a frozen training is killed in the end, but the kill does not explain the
freeze. So a tape is cut at the time of the verdict, and older ticks are thinned as in a live recording.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from holter.records import (
    ActionTaken,
    ContractSettled,
    Episode,
    EpochEnded,
    ExceptionSeen,
    Judged,
    Noted,
    Notice,
    PhaseChanged,
    ProcessBorn,
    ProcessEnded,
    Tick,
)
from holter.tape import Recording
from holter.texts.recording import FROM_TEXT

# Kept complete: the time before an episode that evidence reads, and the episode itself.
WHOLE_S = 720.0
# Older ticks keep only these events.
LASTING = (
    *(ActionTaken, ContractSettled, EpochEnded, ExceptionSeen, Noted, Notice, PhaseChanged),
    *(ProcessBorn, ProcessEnded),
)
# For tapes without verdicts (an old version, or nobody watched): the last observation is over by then.
OBSERVED_S = 50.0


def thinned(ticks: Iterable[Tick]) -> Iterable[Tick]:
    """Return what a live recorder keeps of ticks older than ``WHOLE_S``: only ticks with events whose meaning lasts."""
    for tick in ticks:
        events = tuple(event for event in tick.events if isinstance(event, LASTING))
        if events:
            yield Tick(t_s=tick.t_s, events=events)


def at_verdict(recording: Recording, episode: Episode) -> tuple[Recording, Episode]:
    """Return recording and episode as they were at the last verdict.

    A recording that was read from a log is returned unchanged, because it was judged as a whole.
    """
    notes = (note for tick in recording.all_ticks[:1] for note in tick.events if isinstance(note, Noted))
    if any(note.what == FROM_TEXT for note in notes):
        return recording, episode
    end_s = verdict_s(recording, episode)
    old: list[Tick] = []
    recent: list[Tick] = []
    for tick in recording.ticks(None, end_s):
        (old if tick.t_s < end_s - WHOLE_S else recent).append(tick)
    # A tick with events only is merged into the next one on the tape.
    after = next((tick for tick in recording.ticks(end_s, None) if tick.t_s > end_s), None)
    events = () if after is None else tuple(event for event in after.events if event.t_s <= end_s)
    if events:
        recent.append(Tick(t_s=end_s, events=events))
    is_open = episode.end_s is not None and episode.end_s > end_s
    seen = msgspec.structs.replace(episode, end_s=None) if is_open else episode
    cut = msgspec.structs.replace(
        recording,
        all_ticks=(*thinned(old), *recent),
        all_stacks=tuple(dump for dump in recording.all_stacks if (dump.came_s or dump.t_s) <= end_s),
        finished=recording.finished and not is_open,
    )
    return cut, seen


def verdict_s(recording: Recording, episode: Episode) -> float:
    """Return the time of the last verdict on the episode, in seconds of the recording."""
    readings = [event.t_s for event in recording.events(Judged) if event.identity == episode.identity]
    if readings:
        return max(readings)
    return max(episode.alarm_s, min(episode.alarm_s + OBSERVED_S, recording.duration_s))
