"""How soon after a fault Holter raises the alarm and names the cause, and whether the cause is right.

Every run is a real stock training in a process of its own, broken in the middle of its second epoch (or at the time
that the fault sets), one run after the other. Seconds count from the fault; for a damaged file they count from the
damage, not from the first read by a worker. A cause is named when Holter calls it likely or confirmed while the
training runs. It is right if the tape, read again afterwards, gives the same. Healthy runs continue to the end of
nnU-Net's final validation and must have no alarm.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.broken_run import CASES, Outcome, find_case, run_apart, run_here
from benchmarks.material import prepared_brains, say
from benchmarks.reporting import Goal, conclude, options_of
from holter.reports.catalogue import phrase

REPEATS = 10
ALARM_GOAL_S = 20.0
CAUSE_GOAL_S = 10.0  # after the alarm
PROMPT = ("freeze-worker", "kill-worker", "vgpu-licence")  # worker frozen, worker dead, native stall
HEALTHY = "none"
PERCENTILE = 0.95
# A started run may take another minute; the whole should stay below five minutes.
QUICK_BUDGET_S = 230.0


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed, 130 after Ctrl-C."""
    parser = options_of("detection", __doc__, quick="each fault once, as far as five minutes go")
    parser.add_argument("--repeats", type=int, help=f"runs of each fault (default: {REPEATS})")
    parser.add_argument("--faults", help=f"of {','.join(case.fault.name for case in CASES)}; none: healthy runs")
    parser.add_argument("--keep", type=Path, help="keep the tapes of runs that went wrong in this folder")
    parser.add_argument("--one", nargs=2, metavar=("FAULT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return run_here(find_case(options.one[0]), Path(options.one[1]))
    names = options.faults.split(",") if options.faults else [case.fault.name for case in CASES]
    for name in names:
        find_case(name)
    repeats = options.repeats or (1 if options.quick else REPEATS)
    try:
        outcomes = measure(names, repeats, QUICK_BUDGET_S if options.quick else math.inf, options.keep)
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130
    rows = [row(name, of_fault(outcomes, name)) for name in names]
    return conclude(rows, goals(outcomes), options.json)


def measure(names: Sequence[str], repeats: int, budget_s: float, keep: Path | None) -> list[Outcome]:
    """Run all, faults in turns, so that a disturbance of some minutes does not affect only one fault."""
    began_s = time.monotonic()
    prepared_brains()
    outcomes: list[Outcome] = []
    for number in range(repeats):
        for name in names:
            missing = find_case(name).fault.needs()
            reason = None if missing is None else phrase(missing, "en")
            if reason is None and time.monotonic() - began_s > budget_s:
                reason = "no time left in --quick"
            if reason is not None:
                outcomes.append(Outcome(fault=name, skipped=reason))
                continue
            with tempfile.TemporaryDirectory(prefix="holter-detection-") as folder:
                outcome = run_apart(name, Path(folder))
                if keep is not None and not outcome.is_right:
                    keep_tape(Path(folder), keep / f"{name}-{number}.holter")
            outcomes.append(outcome)
            say(f"{number + 1}/{repeats} {outcome.line()}")
    return outcomes


def keep_tape(folder: Path, to: Path) -> None:
    """Copy the tape of a run, if it has one."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for tape in folder.glob("*.holter"):
        shutil.copy(tape, to)


def of_fault(outcomes: Sequence[Outcome], name: str) -> list[Outcome]:
    """Return the runs of one fault."""
    return [outcome for outcome in outcomes if outcome.fault == name]


def row(name: str, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return one row of the table."""
    done = [outcome for outcome in outcomes if outcome.skipped is None]
    alarms = [outcome.alarm_s for outcome in done]
    causes = [outcome.after_alarm_s for outcome in done]
    wrong = sorted({outcome.problem for outcome in done if outcome.problem})
    notes = wrong or sorted({outcome.skipped for outcome in outcomes if outcome.skipped})
    return {
        "fault": name,
        "runs": len(done),
        "right": sum(outcome.is_right for outcome in done),
        "alarm median s": percentile(alarms, 0.5),
        "alarm p95 s": percentile(alarms, PERCENTILE),
        "cause after alarm, median s": percentile(causes, 0.5),
        "cause after alarm, p95 s": percentile(causes, PERCENTILE),
        "note": "; ".join(notes),
    }


def goals(outcomes: Sequence[Outcome]) -> list[Goal]:
    """Return the goals; open for faults that were not run here."""
    all_goals = [
        within(f"{name}: alarm p95 (s)", ALARM_GOAL_S, [o.alarm_s for o in done(outcomes, name)]) for name in PROMPT
    ]
    names = dict.fromkeys(outcome.fault for outcome in outcomes if outcome.fault != HEALTHY)
    all_goals += [
        within(f"{name}: cause after alarm, p95 (s)", CAUSE_GOAL_S, [o.after_alarm_s for o in done(outcomes, name)])
        for name in names
    ]
    broken = [outcome for name in names for outcome in done(outcomes, name)]
    healthy = done(outcomes, HEALTHY)
    all_goals.append(none_of("runs with a wrong cause or none", [not outcome.is_right for outcome in broken]))
    all_goals.append(none_of("healthy runs with an alarm", [not outcome.is_right for outcome in healthy]))
    return all_goals


def done(outcomes: Sequence[Outcome], name: str) -> list[Outcome]:
    """Return the runs of one fault that were not skipped."""
    return [outcome for outcome in of_fault(outcomes, name) if outcome.skipped is None]


def within(name: str, goal: float, values: Sequence[float | None]) -> Goal:
    """Return the goal for the 95th percentile; a run without alarm or cause counts as infinitely long."""
    if not values:
        return Goal(name, goal, None, None)
    measured = percentile(values, PERCENTILE)
    return Goal(name, goal, measured, measured is not None and measured <= goal)


def none_of(name: str, failures: Sequence[bool]) -> Goal:
    """Return the goal that a failure never happens."""
    return Goal(name, 0, sum(failures), sum(failures) == 0) if failures else Goal(name, 0, None, None)


def percentile(values: Sequence[float | None], ratio: float) -> float | None:
    """Nearest rank, so that of ten runs the 95th percentile is the worst; None counts as infinite."""
    ranked = sorted(math.inf if value is None else value for value in values)
    value = ranked[math.ceil(ratio * len(ranked)) - 1] if ranked else math.inf
    return None if math.isinf(value) else round(value, 2)


if __name__ == "__main__":
    sys.exit(main())
