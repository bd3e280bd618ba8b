"""Results of detectors, evidence and causes."""

from __future__ import annotations

from typing import Literal

from holter.records.samples import Phase
from holter.records.text import Actor, Record, Subject, Text, Value

EpisodeKind = Literal["stall", "slow-down", "death", "creep", "unsaved", "diverged"]


class Episode(Record, frozen=True, kw_only=True):
    """A period that a detector marked: a stall, a slow-down, a death, and others."""

    kind: EpisodeKind
    phase: Phase = "unknown"
    start_s: float  # when the problem started, as far as known
    alarm_s: float  # when it was noticed
    end_s: float | None = None  # None: not over
    detector: str = ""
    subject: Subject | str = ""  # a process, or one of "training", "memory", "epoch time"
    pid: int | None = None
    reason: Text = ""  # one sentence with the numbers that raised the alarm
    generation: int = 0  # of the training process, counted over restarts

    @property
    def subject_name(self) -> str:
        """Return the subject as a string: of a process its name, "train-worker 2 (PID 4711)"."""
        return self.subject if isinstance(self.subject, str) else self.subject.name

    @property
    def identity(self) -> tuple[str, str, float]:
        """Return what does not change while the episode continues: detector, subject, start."""
        return self.detector, self.subject_name, self.start_s

    @property
    def is_about_main(self) -> bool:
        """Return whether the subject is the main process."""
        return isinstance(self.subject, Subject) and self.subject.role == "main"


class Fact(Record, frozen=True, kw_only=True):
    """One known, unknown or inapplicable property of an episode."""

    name: str  # from evidence.vocabulary
    value: bool | int | float | str | tuple[str, ...] | None = None
    status: Literal["known", "unknown", "not-applicable"] = "known"
    reason: Text | None = None  # why unknown or not applicable
    detail: Text | None = None  # what was seen, with numbers, for people
    processes: tuple[Subject, ...] = ()  # processes named in the value
    words: Text | tuple[Text, ...] | None = None  # the value as people read it, if it holds a sentence

    @property
    def actors(self) -> tuple[Subject | str, ...]:
        """Return the processes that the value names; a text that names no known process is returned unchanged."""
        by_name: dict[str, Subject | str] = {process.name: process for process in self.processes}
        names = self.value if isinstance(self.value, tuple) else (str(self.value),)
        return tuple(by_name.get(name, name) for name in names)


class Link(Record, frozen=True, kw_only=True):
    """One link of the waiting chain: ``waiter`` waits on ``target``."""

    waiter: Actor
    target: Actor
    how: Text  # what shows it: a stack frame, a state, a queue reading


class Finding(Record, frozen=True, kw_only=True):
    """What one fact says for or against a cause; ``text`` is the key of its sentence, ``values`` fill the blanks."""

    fact: str
    text: str
    values: tuple[tuple[str, Value], ...] = ()


Safety = Literal["ADVICE", "CONSENT", "SAFE"]


class Remedy(Record, frozen=True, kw_only=True):
    """An action against a cause. SAFE: the result of the training is provably unchanged. CONSENT: the user decides."""

    id: str
    safety: Safety = "ADVICE"
    command: str | None = None
    values: tuple[tuple[str, Value], ...] = ()


class Plan(Record, frozen=True, kw_only=True):
    """The next action of Holter on a run, and why; nothing is done yet."""

    action: Literal["replace-workers", "restart", "wait", "stop", "nothing"]
    cause: str | None = None
    rung: int = 0  # 1 in the epoch, 2 restart, 3 restart with safer settings, 4 outside our reach
    settings: tuple[tuple[str, str], ...] = ()  # environment variables of the training to set
    delay_s: float = 0.0  # wait before it
    reason: str = ""  # catalogue key of why


VerdictName = Literal["confirmed", "likely", "possible", "excluded"]


class Verdict(Record, frozen=True, kw_only=True):
    """The result of one cause for one episode."""

    cause: str
    verdict: VerdictName
    score: float  # 0..1; only for ranking within one diagnosis
    supports: tuple[Finding, ...] = ()
    against: tuple[Finding, ...] = ()
    unknown: tuple[Finding, ...] = ()


class Diagnosis(Record, frozen=True, kw_only=True):
    """The verdicts on one episode, best first, with the waiting chain."""

    episode: Episode
    wait_chain: tuple[Link, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    facts: tuple[Fact, ...] = ()
    remedies: tuple[tuple[str, tuple[Remedy, ...]], ...] = ()  # by cause
    later: tuple[Fact, ...] = ()  # learned after the verdict: mostly how it ended


# What ``holter diagnose`` was given.
TargetKind = Literal["tape", "pid", "folder", "log", "evidence"]
