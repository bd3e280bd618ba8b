"""The one command to type next."""

from __future__ import annotations

import shlex

from holter.probes.machine.environment import HIDDEN
from holter.records import Diagnosis
from holter.reports.outcome.record import Outcome
from holter.reports.wording import best, remedies_of
from holter.tape import Recording
from holter.texts.resume_command import resume_command

ENDED = ("dead", "incomplete", "gave-up", "stopped", "requeue", "end-unseen")


def next_command(recording: Recording, ran: Outcome, diagnosis: Diagnosis | None) -> str | None:
    """Return the remedy of what is open, else how to continue what ended, else how to read more; None if unknown.

    ``diagnosis``: of the episode that the headline names, with its remedies.
    """
    if ran.state == "nothing-trained":
        return None if recording.damage else "holter doctor"
    remedy = None if diagnosis is None else first_command(diagnosis)
    if remedy is not None:
        return remedy
    if ran.state in ENDED and (continued := _continued(recording)) is not None:
        return continued
    if recording.path is None:
        return None
    tape = shlex.quote(str(recording.path))
    if ran.state == "running":
        return f"holter top {tape}"
    return f"holter diagnose {tape}" if ran.runs else f"holter report {tape}"


def first_command(diagnosis: Diagnosis) -> str | None:
    """Return the first remedy of the named cause that is a command on one line; None if there is none."""
    verdict = best(diagnosis)
    remedies = () if verdict is None else remedies_of(diagnosis, verdict.cause)
    return next((remedy.command for remedy in remedies if remedy.command and "\n" not in remedy.command), None)


def _continued(recording: Recording) -> str | None:
    environment = recording.environment
    if environment is None or not environment.command or HIDDEN in environment.command:
        return None
    return resume_command(environment.command, environment.resume_command).text
