"""Find what is wrong now: the open episode that the headline names, and the words for its cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from holter.causes import CAUSES
from holter.history.fates import Fate
from holter.records import DATA_WORKERS, Diagnosis, Episode, Judged, Message, ProcessEnded, Subject, Text
from holter.reports.cause_words import best, cause_message, meaning_of
from holter.reports.headline import fact_of
from holter.reports.outcome import sentences as say
from holter.tape import Recording

# What a headline names first, if several things are open.
WORST: tuple[str, ...] = ("death", "stall", "unsaved", "diverged", "slow-down", "creep")


class Trouble(NamedTuple):
    """The open episode that a headline names."""

    episode: Episode
    what: Text
    cause: str | None
    sure: Message | None  # only of a cause that is not confirmed
    diagnosis: Diagnosis | None


def open_trouble(
    recording: Recording,
    episodes: Sequence[Episode],
    become: Sequence[Fate],
    diagnoses: Sequence[Diagnosis] | None,
    *,
    is_over: bool,
) -> Trouble | None:
    """Return the worst episode that is not over, with its cause; None if all are over.

    ``become``: how each of ``episodes`` ended, in the same order, as are ``diagnoses``. Without diagnoses, the cause is
    the one that the recorder has written to the tape; if it has written nothing, nobody has looked for one, and none is
    said to be missing. ``is_over``: nobody will look any more.
    """
    open_ones = [index for index, fate in enumerate(become) if fate == "open"]
    if not open_ones:
        return None
    known = {
        index: _known(recording, episodes[index], diagnoses[index] if diagnoses else None, is_over=is_over)
        for index in open_ones
    }
    first = min(
        open_ones,
        key=lambda index: (WORST.index(episodes[index].kind), known[index].cause is None, episodes[index].start_s),
    )
    return known[first]


def _known(recording: Recording, episode: Episode, diagnosis: Diagnosis | None, *, is_over: bool) -> Trouble:
    if diagnosis is not None:
        verdict = best(diagnosis)
        if verdict is None:
            return Trouble(episode, say.NO_CAUSE(what=fact_of(diagnosis)), None, None, diagnosis)
        return Trouble(episode, cause_message(diagnosis, verdict), verdict.cause, _sure(verdict.verdict), diagnosis)
    judged = [event for event in recording.events(Judged) if event.identity == episode.identity]
    last = judged[-1] if judged else None
    if last is None:
        return Trouble(episode, episode.reason if is_over else say.NOT_YET(what=episode.reason), None, None, None)
    if last.cause is None:
        return Trouble(episode, say.NO_CAUSE(what=episode.reason), None, None, None)
    if last.cause not in CAUSES:  # the tape of a newer Holter
        return Trouble(episode, last.cause, last.cause, _sure(last.verdict or "likely"), None)
    about = None if isinstance(episode.subject, str) else numbered(recording, episode.subject)
    return Trouble(episode, meaning_of(last.cause, about), last.cause, _sure(last.verdict or "likely"), None)


def numbered(recording: Recording, subject: Subject) -> Subject:
    """Return the subject of an episode with the number of its data worker, which older tapes lost at its end."""
    if subject.pid is None or subject.role not in DATA_WORKERS or subject.index is not None:
        return subject
    known = (event.worker_index for event in recording.events(ProcessEnded) if event.pid == subject.pid)
    index = next((number for number in known if number is not None), None)
    return subject if index is None else msgspec.structs.replace(subject, index=index)


def _sure(verdict: str) -> Message | None:
    return None if verdict == "confirmed" else Message(key=f"verdict.{verdict}.sentence")
