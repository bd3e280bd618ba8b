"""Compare the diagnosis with the fault; read from the tape, as any user would read it afterwards."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec

from benchmarks.faults.fault import Fault
from holter.causes import diagnose_all
from holter.records import ActionTaken, Diagnosis, Judged, Notice
from holter.reports.catalogue import phrase
from holter.reports.headline import headline
from holter.tape import Recording, read

NAMED = ("confirmed", "likely")
# Actions that change the course of a run; saving and waiting do not.
ACTIONS = ("replace-workers", "restart", "end-group", "export-again", "stop")
# The clock of the lab and the start on the tape are read one after the other.
CLOCK_S = 0.5


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one run. Seconds count from the fault."""

    name: str
    cause: str | None = None  # id of the true cause; None: nothing was wrong
    also: tuple[str, ...] = ()
    gradual: bool = False
    skipped: str | None = None  # why it was not run
    kind: str | None = None  # of the first episode
    reason: str | None = None  # of the alarm
    alarm_s: float | None = None
    cause_s: float | None = None  # when a true cause was named, live
    named: tuple[tuple[str, str, float], ...] = ()  # the first three causes that are not ruled out: id, verdict, score
    early: int = 0  # alarms before the fault, or in a healthy run
    false_notices: tuple[str, ...] = ()
    false_confirmed: tuple[str, ...] = ()
    live: str | None = None  # cause reported for the first episode while it ran
    later: str | None = None  # cause read from the tape afterwards
    says: str | None = None  # the headline
    wrong_pid: bool = False  # it names another process
    false_actions: tuple[str, ...] = ()
    wall_s: float = 0.0
    problem: str | None = None  # with the run itself: it is not evaluated

    @property
    def counts(self) -> bool:
        """Whether it ran as planned."""
        return self.skipped is None and self.problem is None

    @property
    def top1(self) -> bool:
        """Whether a true cause ranks first and is named as likely or confirmed."""
        named = bool(self.named) and not self.wrong_pid
        return named and self.named[0][0] in (self.cause, *self.also) and self.named[0][1] in NAMED

    @property
    def top3(self) -> bool:
        """Whether the true cause is among the first three."""
        return any(cause == self.cause for cause, _, _ in self.named)

    def line(self) -> str:
        """Return one line about the run for the terminal."""
        if self.skipped or self.problem:
            return f"{self.name}: {self.skipped or self.problem}"
        if self.cause is None:
            false = self.reason if self.early else ", ".join(self.false_notices)
            return f"{self.name}: " + (f"FALSE ALARM {false}" if false else "silent")
        mark = "right" if self.top1 else "in top 3" if self.top3 else "WRONG"
        times = ", ".join("-" if value is None else f"{value:.1f} s" for value in (self.alarm_s, self.cause_s))
        first = (
            " ".join(str(part) for part in self.named[0])
            if self.named
            else "nothing named"
            if self.kind
            else "no alarm"
        )
        alike = "" if self.live == self.later else f"; LIVE {self.live}, LATER {self.later}"
        return (
            f"{self.name}: {mark} ({first}), true {self.cause}; alarm, cause after {times}; {self.wall_s:.0f} s{alike}"
        )


def named_live(tape: Path) -> list[tuple[float, str]]:
    """Return the times at which a cause was named while the recording ran, and its id."""
    return _named(read(tape))


def _named(recording: Recording) -> list[tuple[float, str]]:
    judged = recording.events(Judged)
    return [
        (verdict.t_s, verdict.cause) for verdict in judged if verdict.cause is not None and verdict.verdict in NAMED
    ]


def score(fault: Fault, tape: Path, struck: float | None, over: float) -> Outcome:
    """Judge one run; ``struck`` and ``over`` in seconds of the wall clock."""
    recording = read(tape)
    began = _began(recording)
    fault_s = None if struck is None else struck - began
    recording = until(recording, over - began)
    diagnoses = sorted(diagnose_all(recording), key=lambda diagnosis: diagnosis.episode.alarm_s)
    if fault.cause is None:
        return _healthy(fault, recording, diagnoses)
    assert fault_s is not None
    early = [diagnosis for diagnosis in diagnoses if diagnosis.episode.alarm_s < fault_s - CLOCK_S]
    later = [diagnosis for diagnosis in diagnoses if diagnosis not in early]
    outcome = Outcome(
        name=fault.name,
        cause=fault.cause,
        also=fault.also,
        gradual=fault.gradual,
        early=len(early),
        false_actions=_false_actions(recording, fault_s if fault.acts else float("inf")),
        false_notices=_false_notices(fault, recording),
        false_confirmed=tuple(
            sorted({cause for diagnosis in diagnoses for cause in _confirmed(diagnosis)} - fault.right())
        ),
    )
    if not later:
        return outcome
    first = later[0]
    live, now = live_cause(recording, first), later_cause(first)
    says = headline(first, recording, "en")
    victim = fault.victims.get(first.verdicts[0].cause)
    at_s = [t_s for t_s, cause in _named(recording) if cause in fault.right()]
    return msgspec.structs.replace(
        outcome,
        kind=first.episode.kind,
        reason=phrase(first.episode.reason, "en"),
        alarm_s=round(max(0.0, first.episode.alarm_s - fault_s), 2),
        cause_s=round(max(0.0, at_s[0] - fault_s), 2) if at_s else None,
        named=_ranked(first),
        live=live,
        later=now,
        says=says,
        wrong_pid=victim is not None and f"PID {victim}" not in says,
    )


def later_cause(diagnosis: Diagnosis) -> str | None:
    best = diagnosis.verdicts[0]
    return best.cause if best.verdict in NAMED else None


def live_cause(recording: Recording, diagnosis: Diagnosis) -> str | None:
    """Return the last cause that was reported for it while it ran."""
    episode = diagnosis.episode
    key = (episode.detector, episode.subject_name, episode.start_s)
    judged = [record for record in recording.events(Judged) if (record.detector, record.subject, record.start_s) == key]
    return judged[-1].cause if judged else None


def _confirmed(diagnosis: Diagnosis) -> list[str]:
    return [verdict.cause for verdict in diagnosis.verdicts if verdict.verdict == "confirmed"]


def _false_notices(fault: Fault, recording: Recording) -> tuple[str, ...]:
    # Wrong notices, and missing ones.
    given = {notice.what for notice in recording.events(Notice)}
    wanted = set(fault.notices) if fault.cause is None else given
    return tuple(sorted(given ^ wanted))


def _healthy(fault: Fault, recording: Recording, diagnoses: list[Diagnosis]) -> Outcome:
    first = diagnoses[0] if diagnoses else None
    return Outcome(
        name=fault.name,
        early=len(diagnoses),
        kind=first.episode.kind if first else None,
        reason=phrase(first.episode.reason, "en") if first else None,
        named=_ranked(first) if first else (),
        false_notices=_false_notices(fault, recording),
        false_confirmed=tuple(cause for diagnosis in diagnoses for cause in _confirmed(diagnosis)),
        false_actions=_false_actions(recording, float("inf")),
    )


def _ranked(diagnosis: Diagnosis) -> tuple[tuple[str, str, float], ...]:
    # The first three that are not ruled out.
    left = [verdict for verdict in diagnosis.verdicts if verdict.verdict != "excluded"]
    return tuple((verdict.cause, verdict.verdict, verdict.score) for verdict in left[:3])


def _false_actions(recording: Recording, right_from_s: float) -> tuple[str, ...]:
    acts = [
        action for action in recording.events(ActionTaken) if action.action in ACTIONS and action.source == "supervisor"
    ]
    return tuple(dict.fromkeys(action.action for action in acts if action.t_s < right_from_s))


def _began(recording: Recording) -> float:
    if recording.environment is None:
        return float("nan")
    return datetime.datetime.fromisoformat(recording.environment.wall_start).timestamp()


def until(recording: Recording, end_s: float) -> Recording:
    """Return the recording as if the recorder had been killed at that time."""
    return msgspec.structs.replace(
        recording,
        all_ticks=tuple(recording.ticks(None, end_s)),
        all_stacks=tuple(dump for dump in recording.all_stacks if dump.t_s <= end_s),
        all_episodes=tuple(
            msgspec.structs.replace(
                episode, end_s=None if episode.end_s is not None and episode.end_s > end_s else episode.end_s
            )
            for episode in recording.all_episodes
            if episode.alarm_s <= end_s
        ),
    )
