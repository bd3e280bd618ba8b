"""The result of ``holter diagnose``, the same for every kind of target."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import NamedTuple

from holter.evidence.text_facts import Found
from holter.records import Diagnosis, Message, TargetKind, Text
from holter.reports.outcome import Outcome
from holter.tape import Recording
from holter.tape.recorder_lock import is_unlocked

# A recorder writes every second, on a busy machine every few. One that is silent for longer was killed.
SILENT_S = 60.0
# Of a process: long enough to distinguish an idle one from one between two steps, and for stacks, licence and storage
# to answer.
OBSERVE_S = 15.0


class DiagnosisResult(NamedTuple):
    """Diagnoses of a target, its recording (or an equivalent of one), and notes for the reader."""

    kind: TargetKind
    name: Text  # a path, or the pipe
    recording: Recording
    diagnoses: tuple[Diagnosis, ...]
    notes: tuple[Message, ...] = ()
    outcome: Outcome | None = None  # of a tape
    facts: tuple[tuple[Text, Found], ...] = ()  # read of words: the piece, and the fact with the words it came from


def of_piece(piece: Text, found: Mapping[str, Found]) -> tuple[tuple[Text, Found], ...]:
    """Return the facts that were read of one piece, for ``DiagnosisResult.facts``."""
    return tuple((piece, hit) for hit in found.values() if hit.name != "resembles")


def is_over(recording: Recording) -> bool:
    """Return whether the recording has ended: it was closed, its recorder is gone, or silent for SILENT_S."""
    environment = recording.environment
    if recording.finished or environment is None or environment.began_s is None:
        return True
    is_local = recording.path is not None and environment.hostname == socket.gethostname()
    if is_local and recording.path is not None and is_unlocked(recording.path):
        return True
    return time.time() - (environment.began_s + recording.duration_s) > SILENT_S
