"""The table of the cases and its goals."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from benchmarks.field.cases import STARTS
from benchmarks.field.judge import KINDS
from benchmarks.reporting import Goal

NAMES = {
    "exit code": "runs that do not end with the training's exit code",
    "silent": "broken runs without any report",
    "alarm": "alarms in healthy runs",
    "offer": "commands that end or restart something, offered in healthy runs",
    "false cause": "headlines of broken runs that name a false cause",
    "false confirmed": "confirmed verdicts that are wrong",
    "word": "sentences and remedies about things that do not exist here",
    "unsafe": "unsafe commands offered",
    "action": "actions that are wrong, or would be",
    "cannot unsaid": "things that Holter cannot observe or do, and did not report",
    "training seen": "runs with a wrong report whether a training was seen",
    "live, later": "verdicts that differ between live and later",
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one case."""

    name: str
    start: str
    broken: bool
    skipped: str | None = None  # why it was not run
    problem: str | None = None  # with the run itself: it is not evaluated
    complaints: tuple[tuple[str, str], ...] = ()
    headline: str = ""
    cause: str | None = None
    wall_s: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it ran as planned."""
        return self.skipped is None and self.problem is None

    def line(self) -> str:
        """Return the lines about the case for the terminal."""
        if not self.counts:
            return f"{self.name}: not measured: {self.skipped or self.problem}"
        lines = [f"{self.name}: {'wrong' if self.complaints else 'right'}; {self.headline or 'silent'}"]
        return "\n".join([*lines, *(f"    {kind}: {what}" for kind, what in self.complaints)])


def rows(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return one row per case."""
    return [
        {
            "case": outcome.name,
            "start": outcome.start,
            "is": "broken" if outcome.broken else "healthy",
            "named": outcome.cause or ("" if not outcome.counts else "the fact" if outcome.headline else "nothing"),
            "wrong": len(outcome.complaints) if outcome.counts else None,
            "run s": outcome.wall_s,
            "note": outcome.skipped
            or outcome.problem
            or "; ".join(f"{kind}: {what}" for kind, what in outcome.complaints)[:100],
        }
        for outcome in outcomes
    ]


def goals(outcomes: Sequence[Outcome]) -> list[Goal]:
    """Return goals by kind of error, and by start; open if nothing was measured."""
    done = [outcome for outcome in outcomes if outcome.counts]
    all_goals = [
        _goal(NAMES[kind], [sum(complaint[0] == kind for complaint in each.complaints) for each in done])
        for kind in KINDS
    ]
    by_start = [(start, [len(outcome.complaints) for outcome in done if outcome.start == start]) for start in STARTS]
    all_goals += [_goal(f"all that is wrong: {start}", counts) for start, counts in by_start]
    return [*all_goals, _goal("runs that could not be made", [outcome.problem is not None for outcome in outcomes])]


def _goal(name: str, counts: Sequence[int]) -> Goal:
    return Goal(name, 0, sum(counts), sum(counts) == 0) if counts else Goal(name, 0, None, None)
