"""The result of a recorded run."""

from __future__ import annotations

from pathlib import Path

import msgspec

from holter.records import Diagnosis, Episode, Message, Plan
from holter.reports.outcome import Outcome


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run: exit code, episodes with diagnoses, and the tape."""

    returncode: int  # as in Popen: negative is a signal
    tape: Path  # path of the recording
    episodes: tuple[Episode, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    orphans: tuple[int, ...] = ()  # PIDs of the training's processes that still run
    goes_on: tuple[int, ...] = ()  # PIDs of main processes that outlived the command
    generations: int = 1  # number of processes that were started
    gave_up: Plan | None = None  # the plan to stop, if healing did not help
    tape_is_there: bool = True
    outcome: Outcome | None = None  # what became of it
    no_training: Message | None = None  # why no training was seen (attach only)
