"""What ``holter diagnose`` found of a target: always the same, whatever the target was."""

from __future__ import annotations

import datetime
import time
from typing import Literal, NamedTuple

from holter.causes import diagnose_as_told
from holter.detectors import detect
from holter.records import Diagnosis, Episode, Message
from holter.remedies import propose
from holter.tape import Recording

TargetKind = Literal["tape", "pid", "folder", "log", "evidence"]
# A recorder writes every second, and on a busy machine every few. What is silent for longer was killed.
SILENT_S = 60.0


class Found(NamedTuple):
    """The diagnoses of a target, the recording (or what stands for one) and what else is to be said."""

    kind: TargetKind
    name: str
    recording: Recording
    diagnoses: tuple[Diagnosis, ...]
    notes: tuple[Message, ...] = ()


def diagnosed(recording: Recording, episodes: tuple[Episode, ...], *, is_over: bool) -> tuple[Diagnosis, ...]:
    """Every one of these episodes with verdicts and remedies; ``is_over`` as ``propose`` has it."""
    return tuple(
        propose(diagnose_as_told(recording, episode), recording.environment, recording.contract(), is_over=is_over)
        for episode in episodes
    )


def diagnosed_all(recording: Recording) -> tuple[Diagnosis, ...]:
    """The episodes of a tape, recorded or by its ticks, with verdicts and remedies."""
    return diagnosed(recording, recording.episodes() or detect(recording.ticks()), is_over=is_over(recording))


def is_over(recording: Recording) -> bool:
    """Whether nobody writes this recording any more: it was closed, or has been silent for long."""
    environment = recording.environment
    if recording.finished or environment is None or not environment.wall_start:
        return True
    began = datetime.datetime.fromisoformat(environment.wall_start).timestamp()
    return time.time() - (began + recording.duration_s) > SILENT_S
