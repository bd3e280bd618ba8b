"""The lab's table, its goals, and the file kept beside a tape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.faultlab.score import Outcome
from benchmarks.reporting import Goal

# Promised shares are given as shares of misses, because a goal is an upper limit.
TOP1_MISSES = 0.05
ALARM_S, CAUSE_S = 30.0, 45.0
# The detectors wait this long for a training that is slower by less than three times, has not started, or is over.
GRADUAL_ALARM_S = 200.0
PERCENTILE = 0.95


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a run that its kept tape does not contain."""

    outcome: Outcome
    struck: float | None  # wall clock
    over: float  # wall clock: later entries on the tape are caused by the lab


def write_kept(file: Path, outcome: Outcome, struck: float | None, over: float) -> None:
    """Write the file beside the tape."""
    kept = Kept(outcome=outcome, struck=struck, over=over)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")


def read_kept(file: Path) -> Kept | None:
    """Read the file beside the tape; None if there is none, or if that run is not evaluated."""
    if not file.exists():
        return None
    kept = msgspec.json.decode(file.read_bytes(), type=Kept)
    return kept if kept.outcome.counts else None


def rows(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return one row per run."""
    return [row(outcome) for outcome in outcomes]


def row(outcome: Outcome) -> dict[str, object]:
    """Return one row."""
    fault = outcome.cause is not None
    names = [f"{cause} ({verdict} {score:.2f})" for cause, verdict, score in outcome.named]
    return {
        "run": outcome.name,
        "true cause": outcome.cause or ("" if outcome.skipped or outcome.problem else "none"),
        "named": names[0] if names else "",
        "first": _word(outcome.top1) if fault else "",
        "first three": _word(outcome.top3) if fault else "",
        "alarm s": outcome.alarm_s,
        "cause s": outcome.cause_s,
        "false alarms": outcome.early if outcome.counts else None,
        "false actions": " ".join(outcome.false_actions),
        "live, later": "" if outcome.live == outcome.later else f"{outcome.live}, {outcome.later}",
        "run s": outcome.wall_s,
        "note": outcome.skipped or outcome.problem or "",
    }


def _word(right: bool) -> str:
    return "yes" if right else "NO"


def goals(outcomes: Sequence[Outcome]) -> list[Goal]:
    """Return the goals; open if nothing was measured. A run that could not be made proves nothing."""
    done = [outcome for outcome in outcomes if outcome.counts]
    faults = [outcome for outcome in done if outcome.cause is not None]
    healthy = [outcome for outcome in done if outcome.cause is None]
    sudden = [outcome for outcome in faults if not outcome.gradual]
    gradual = [outcome for outcome in faults if outcome.gradual]
    return [
        _share(
            "share of faults whose cause does not come first", TOP1_MISSES, [not outcome.top1 for outcome in faults]
        ),
        _share("share of faults whose cause is not in the first three", 0.0, [not outcome.top3 for outcome in faults]),
        _count("alarms before the fault", [outcome.early for outcome in faults]),
        _count("alarms in healthy runs", [outcome.early for outcome in healthy]),
        _count("notices that are wrong or missing", [len(outcome.false_notices) for outcome in done]),
        _count("confirmed verdicts that are wrong", [len(outcome.false_confirmed) for outcome in done]),
        _count("verdicts that differ between live and later", [outcome.live != outcome.later for outcome in faults]),
        _count("actions that would have been wrong", [len(outcome.false_actions) for outcome in done]),
        _within("alarm, p95 (s)", ALARM_S, [outcome.alarm_s for outcome in faults]),
        _within("cause, p95 (s)", CAUSE_S, [outcome.cause_s for outcome in faults]),
        _within("alarm where it comes at once, p95 (s)", ALARM_S, [outcome.alarm_s for outcome in sudden]),
        _within("cause where it comes at once, p95 (s)", CAUSE_S, [outcome.cause_s for outcome in sudden]),
        _within("alarm where it comes gradually, p95 (s)", GRADUAL_ALARM_S, [outcome.alarm_s for outcome in gradual]),
        _count("runs that could not be made", [outcome.problem is not None for outcome in outcomes]),
    ]


def _share(name: str, goal: float, misses: Sequence[bool]) -> Goal:
    return _goal(name, goal, sum(misses) / len(misses) if misses else None)


def _count(name: str, counts: Sequence[int]) -> Goal:
    return _goal(name, 0, sum(counts) if counts else None)


def _within(name: str, goal: float, values: Sequence[float | None]) -> Goal:
    # A run without an alarm, or without the true cause, counts as infinitely long.
    if not values:
        return Goal(name, goal, None, None)
    ranked = sorted(math.inf if value is None else value for value in values)
    value = ranked[math.ceil(PERCENTILE * len(ranked)) - 1]
    return Goal(name, goal, None, False) if math.isinf(value) else _goal(name, goal, round(value, 2))


def _goal(name: str, goal: float, measured: float | None) -> Goal:
    return Goal(name, goal, measured, None if measured is None else measured <= goal)
