"""What came of a run."""

from __future__ import annotations

from pathlib import Path

import msgspec

from holter.records import Diagnosis, Episode, Message, Plan


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run."""

    returncode: int  # as Popen gives it: negative is a signal
    episodes: tuple[Episode, ...]
    diagnoses: tuple[Diagnosis, ...]
    orphans: tuple[int, ...]  # processes of the training that are still there
    tape: Path  # where it was recorded
    generations: int = 1  # processes that were started
    gave_up: Plan | None = None  # healing was asked for and did not help: why
    tape_is_there: bool = True
    no_training: Message | None = None  # attached, and no training was seen: why
