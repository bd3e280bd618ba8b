"""A recording as it was when a verdict was told: live and later the same facts, so the same verdict.

Live, the recorder keeps the last minutes whole, and of what went before only the events that stay of interest. A tape
has more than that, and what came afterwards as well: a frozen training is killed in the end, and a kill is no reason
for the freeze. So a tape is cut where the verdict was told, and older ticks are thinned in the same way.
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
    PhaseChanged,
    ProcessEnded,
    Tick,
)
from holter.tape import Recording
from holter.texts.recording import FROM_TEXT

# Kept whole: what evidence reads before an episode, and the episode itself.
WHOLE_S = 720.0
# Of what is older these events stay.
LASTING = (ActionTaken, ContractSettled, EpochEnded, ExceptionSeen, Noted, PhaseChanged, ProcessEnded)
# Where a tape does not say when its episodes were judged (it is older, or nobody watched): the last look is over then.
JUDGED_WITHIN_S = 50.0


def thinned(ticks: Iterable[Tick]) -> Iterable[Tick]:
    """What stays of ticks that are older than ``WHOLE_S``."""
    for tick in ticks:
        events = tuple(event for event in tick.events if isinstance(event, LASTING))
        if events:
            yield Tick(t_s=tick.t_s, events=events)


def as_told(recording: Recording, episode: Episode) -> tuple[Recording, Episode]:
    """Recording and episode as they were when its verdict was told last. A text was read as a whole, afterwards."""
    notes = (note for tick in recording.all_ticks[:1] for note in tick.events if isinstance(note, Noted))
    if any(note.what == FROM_TEXT for note in notes):
        return recording, episode
    end_s = told_s(recording, episode)
    old: list[Tick] = []
    recent: list[Tick] = []
    for tick in recording.ticks(None, end_s):
        (old if tick.t_s < end_s - WHOLE_S else recent).append(tick)
    # Where a tick held events alone, the tape has them with the next one.
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


def told_s(recording: Recording, episode: Episode) -> float:
    """When the last verdict on it was told."""
    looks = [
        event.t_s
        for event in recording.events(Judged)
        if (event.detector, event.subject, event.start_s) == (episode.detector, episode.subject_name, episode.start_s)
    ]
    if looks:
        return max(looks)
    return max(episode.alarm_s, min(episode.alarm_s + JUDGED_WITHIN_S, recording.duration_s))
