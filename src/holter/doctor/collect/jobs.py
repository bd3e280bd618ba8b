"""Child processes with one deadline each, polled together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from holter.probes.child.background_command import BackgroundCommand, Outcome, Reaper
from holter.probes.training.remarks import worded
from holter.records import Message, Text
from holter.reports.catalogue import phrase
from holter.sentences import define

PAUSE_S = 0.05
SILENT = define("why.no-answer", "no answer")


class Jobs:
    """Child processes that are always terminated on exit: ``with Jobs() as jobs``."""

    def __init__(self) -> None:
        self._commands: list[BackgroundCommand] = []
        self._killed = Reaper()

    def start(
        self, command: Sequence[str], deadline_s: float, environment: Mapping[str, str] | None = None
    ) -> BackgroundCommand:
        """Start a command in a child process, which is killed after ``deadline_s``."""
        job = BackgroundCommand(command, environment=environment, deadline_s=deadline_s, killed=self._killed)
        self._commands.append(job)
        return job

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        for job in self._commands:
            job.close()
        self._killed.drain()


def wait(jobs: Iterable[BackgroundCommand], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Wait until each job has ended or was killed at its deadline; call ``meanwhile`` while waiting."""
    running = list(jobs)
    while running := [job for job in running if job.outcome() is None]:
        meanwhile()
        time.sleep(PAUSE_S)


def lines(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a child's lines; an incomplete line is left out."""
    objects = []
    for line in text.splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict):
            objects.append(read)
    return objects


def merged(text: str) -> dict[str, Any]:
    """Return the facts of all lines of a child in one dictionary; a later line replaces an earlier value."""
    facts: dict[str, Any] = {}
    for line in lines(text):
        facts.update(line)
    return facts


def has_begun(outcome: Outcome | None) -> bool:
    """Return whether a command has begun to work: False if its time was over before it had written its first line."""
    return outcome is None or not outcome.is_late or "\n" in outcome.text


def trouble_of(outcome: Outcome | None) -> Message | None:
    """Return how a command failed, or that it did not answer; None if it did."""
    return SILENT() if outcome is None else outcome.trouble


def both(name: str, text: object) -> dict[str, Text | None]:
    """Return the fields ``NAME`` and ``NAME_message`` for a text, or for a remark of a child; empty text is None.

    So a survey keeps it twice: in English for readers of the JSON, and as a sentence for any language.
    """
    words = worded(text) if isinstance(text, dict) else text
    message = words if isinstance(words, Message) else None
    plain = phrase(message, "en") if message is not None else words
    return {name: plain if isinstance(plain, str) and plain else None, f"{name}_message": message}
