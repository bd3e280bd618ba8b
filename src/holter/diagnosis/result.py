"""What ``holter diagnose`` found of a target: always the same, whatever the target was."""

from __future__ import annotations

from typing import Literal, NamedTuple

from holter.causes import diagnose_as_told
from holter.records import Diagnosis, Episode
from holter.remedies import propose
from holter.reports.notes import Note
from holter.tape import Recording

TargetKind = Literal["tape", "pid", "folder", "log", "evidence"]


class Found(NamedTuple):
    """The diagnoses of a target, the recording (or what stands for one) and what else is to be said."""

    kind: TargetKind
    name: str
    recording: Recording
    diagnoses: tuple[Diagnosis, ...]
    notes: tuple[Note, ...] = ()


def diagnosed(recording: Recording, episodes: tuple[Episode, ...]) -> tuple[Diagnosis, ...]:
    """Every episode with verdicts and remedies."""
    known = (recording.environment, recording.contract())
    return tuple(propose(diagnose_as_told(recording, episode), *known) for episode in episodes)
