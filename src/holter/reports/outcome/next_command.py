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
    verdict = None if diagnosis is None else best(diagnosis)
    if diagnosis is not None and verdict is not None:
        commands = [remedy.command for remedy in remedies_of(diagnosis, verdict.cause) if remedy.command]
        one_line = [command for command in commands if "\n" not in command]
        if one_line:
            return one_line[0]
    if ran.state in ENDED and (continued := _continued(recording)) is not None:
        return continued
    if recording.path is None:
        return None
    tape = shlex.quote(str(recording.path))
    return f"holter report {tape}" if not ran.runs and ran.is_good else f"holter diagnose {tape}"


def _continued(recording: Recording) -> str | None:
    environment = recording.environment
    if environment is None or not environment.command or HIDDEN in environment.command:
        return None
    return resume_command(environment.command, environment.resume_command).text
