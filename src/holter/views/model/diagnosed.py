"""The diagnosis of a whole tape, and the sentence that ``holter diagnose`` says of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from holter.errors import HolterError
from holter.records import Diagnosis
from holter.reports.catalogue import Lang, phrase
from holter.reports.outcome import Outcome, outcome_of
from holter.reports.outcome.unwatched import with_living_process
from holter.tape import Recording, read
from holter.views.model.sentence import Tone, tone_of
from holter.views.model.story import Story

# A row of a list waits for the diagnosis of its tape; of a longer tape it says only what was recorded.
MOST_BYTES = 8 << 20


class Diagnosed(NamedTuple):
    recording: Recording
    diagnoses: tuple[Diagnosis, ...]
    outcome: Outcome


def diagnosed(path: Path, *, is_over: bool) -> Diagnosed:
    """Diagnose the whole tape; ``is_over``: the recording has ended.

    Raises:  TapeError.
    """
    from holter.remedies.diagnose import diagnose_recording

    recording = read(path)
    diagnoses = diagnose_recording(recording, is_over=is_over)
    ran = with_living_process(outcome_of(recording, diagnoses, is_over=is_over), recording)
    return Diagnosed(recording, diagnoses, ran)


def sentence_of_ended(path: Path, story: Story, lang: Lang) -> tuple[str, Tone] | None:
    """Return what the diagnosis says of a tape that has ended, and on which the recorder judged not every episode.

    None: the recorder judged them all, the tape is too long for a row of a list, or it cannot be read as a whole.
    """
    judged = {event.identity for event in story.judged}
    if not story.finished or all(episode.identity in judged for episode in story.episodes):
        return None
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        ran = diagnosed(path, is_over=True).outcome
    except (HolterError, OSError):
        return None
    return phrase(ran.headline, lang), tone_of(ran)
