"""The cost of ``holter run`` for a training: its speed, and the supervisor's CPU time, memory and disk.

The same stock training runs with and without ``holter run``, in turns; the order changes from pair to pair, so that
a machine that slowly gets busier favours neither. Seconds per step come from nnU-Net's own log. The slow-down is the
median of the pairs' differences with a bootstrap interval; its goal is met if the interval reaches down to the goal.
It is left open if there are few pairs, if the interval is too wide, or if other processes used the machine. Two runs
of one training differ by more than the slow-down to be measured. So the recorder of a running training is also
stopped and continued in turns (``benchmarks.overhead.interleaved``), which is more precise.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.material import prepared_brains, say
from benchmarks.overhead.interleaved import as_seconds, interleave
from benchmarks.overhead.supervised import Run, Settings, Supervisor, train
from benchmarks.reporting import Goal, Row, conclude, options_of
from benchmarks.tape_growth import DAY_H, Growth, grow
from holter.demo.prepare import Prepared
from holter.tape import read

SLOWER_GOAL_PERCENT = 0.5
WIDEST_INTERVAL_PERCENT = 3.0  # half of it is the smallest measurable slow-down; a wider one is no measurement
FEWEST_PAIRS = 6  # with fewer the bootstrap interval is too narrow: all of five agree by chance once in 16
MOST_FOREIGN_CPUS = 0.1  # used by other processes: more could slow one training more than the other
CPU_GOAL_PERCENT = 1.0
RSS_GOAL_MB = 100.0
TAPE_GOAL_MB = 30.0
PROCESSES_GOAL = 20
COMPANIONS = PROCESSES_GOAL - 4  # launcher, trainer and two data workers exist anyway: nnU-Net starts one per CPU
RESAMPLES = 2000
CONFIDENCE = 0.95


class Plan(NamedTuple):
    """Numbers of pairs, epochs and blocks."""

    pairs: int
    paired: Settings
    crowded: Settings
    tape_hours: int
    blocks: int  # pairs of blocks within one training


FULL = Plan(7, Settings(7, 100), Settings(10, 100, COMPANIONS), DAY_H, 45)
QUICK = Plan(2, Settings(3, 40), Settings(7, 40, COMPANIONS), 2, 3)


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed, 130 after Ctrl-C."""
    parser = options_of("overhead", __doc__, quick="few and short trainings: five minutes in all")
    parser.add_argument("--pairs", type=int, help="trainings with and without; 0: only the supervisor's own cost")
    parser.add_argument("--blocks", type=int, help="pairs of blocks within one training; 0: leave it out")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    if options.pairs is not None:
        plan = plan._replace(pairs=options.pairs)
    if options.blocks is not None:
        plan = plan._replace(blocks=options.blocks)
    brains = prepared_brains()
    try:
        with tempfile.TemporaryDirectory(prefix="holter-overhead-") as folder:
            rows, goals = measure(brains, plan, Path(folder))
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130
    return conclude(rows, goals, options.json)


def measure(brains: Prepared, plan: Plan, folder: Path) -> tuple[list[Row], list[Goal]]:
    """Run everything; return rows and goals."""
    pairs = [pair(brains, plan, folder / f"pair-{number}", number) for number in range(plan.pairs)]
    blocks: list[tuple[float, float]] = []
    if plan.blocks:
        say(f"{plan.blocks} pairs of blocks within one training")
        blocks = as_seconds(interleave(brains, folder / "interleaved", plan.blocks))
    say(f"with {PROCESSES_GOAL} processes")
    tape = folder / "crowded.holter"
    crowded = train(brains, plan.crowded, folder / "crowded", tape)
    assert crowded.supervisor is not None
    say(f"a tape of {plan.tape_hours} hours")
    growth = grow(read(tape), folder / "long.holter", plan.tape_hours)
    rows, goals = paired_results(pairs)
    more_rows, more_goals = interleaved_results(blocks)
    rows, goals = [*rows, *more_rows], [*goals, *more_goals]
    usual = [run.supervisor for _, run in pairs if run.supervisor is not None]
    rows += [*supervisor_rows("usual tree", usual), *supervisor_rows("crowd", [crowded.supervisor]), *tape_rows(growth)]
    return rows, [*goals, *supervisor_goals(crowded.supervisor, growth)]


def pair(brains: Prepared, plan: Plan, folder: Path, number: int) -> tuple[Run, Run]:
    """Run one training without and one with ``holter run``."""
    folder.mkdir()
    runs: dict[bool, Run] = {}
    for recorded in (False, True) if number % 2 == 0 else (True, False):
        name = "with" if recorded else "without"
        tape = folder / "run.holter" if recorded else None
        runs[recorded] = run = train(brains, plan.paired, folder / name, tape)
        speed = f"{run.step_s * 1000:.1f} ms a step, others used {run.foreign_cpus:.2f} CPUs"
        say(f"pair {number + 1}/{plan.pairs}, {name}: {speed}")
    return runs[False], runs[True]


def paired_results(pairs: Sequence[tuple[Run, Run]]) -> tuple[list[Row], list[Goal]]:
    """Return the slow-down of a step and of the training's CPU time."""
    name = "slow-down of a training step beyond noise (%)"
    if not pairs:
        return [], [Goal(name, SLOWER_GOAL_PERCENT, None, None)]
    steps = [(without.step_s, recorded.step_s) for without, recorded in pairs]
    cpu = [(without.training_cpu_s, recorded.training_cpu_s) for without, recorded in pairs]
    slower, low, high = slow_down(steps)
    more, more_low, more_high = slow_down(cpu)
    median = statistics.median
    rows: list[Row] = [
        row("step without holter run", median(before for before, _ in steps) * 1000, "ms", f"{len(pairs)} runs"),
        row("step with holter run", median(after for _, after in steps) * 1000, "ms", f"{len(pairs)} runs"),
        row("slow-down of a step", slower, "%", f"95 %: {low:.2f} to {high:.2f}"),
        row("more CPU time of the training's tree", more, "%", f"95 %: {more_low:.2f} to {more_high:.2f}"),
    ]
    foreign = max(run.foreign_cpus for both in pairs for run in both)
    rows.append(row("CPUs that others kept busy", foreign, "CPUs", "worst run; two trainings at once tell nothing"))
    if len(pairs) < FEWEST_PAIRS or foreign > MOST_FOREIGN_CPUS:
        return rows, [Goal(name, SLOWER_GOAL_PERCENT, None, None)]
    return rows, [slow_down_goal(name, low, high)]


def interleaved_results(blocks: Sequence[tuple[float, float]]) -> tuple[list[Row], list[Goal]]:
    """Return the slow-down by the recorder within one training."""
    name = "slow-down of a step while the recorder works (%)"
    if len(blocks) < FEWEST_PAIRS:
        return [], [Goal(name, SLOWER_GOAL_PERCENT, None, None)]
    slower, low, high = slow_down(blocks)
    median = statistics.median
    rows: list[Row] = [
        row("step, recorder stopped", median(before for before, _ in blocks) * 1000, "ms", f"{len(blocks)} blocks"),
        row("step, recorder at work", median(after for _, after in blocks) * 1000, "ms", f"{len(blocks)} blocks"),
        row("slow-down by the recorder", slower, "%", f"95 %: {low:.2f} to {high:.2f}"),
    ]
    return rows, [slow_down_goal(name, low, high)]


def slow_down_goal(name: str, low: float, high: float) -> Goal:
    """Return the goal for the lower end of the interval; open if the interval is too wide."""
    if high - low > WIDEST_INTERVAL_PERCENT and low <= SLOWER_GOAL_PERCENT:
        return Goal(name, SLOWER_GOAL_PERCENT, None, None)
    return Goal(name, SLOWER_GOAL_PERCENT, round(max(low, 0.0), 3), low <= SLOWER_GOAL_PERCENT)


def slow_down(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the median of the pairs' relative differences in percent, and the ends of its bootstrap interval."""
    percent = [(after / before - 1) * 100 for before, after in pairs]
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(percent, k=len(percent))) for _ in range(RESAMPLES))
    tail = (1 - CONFIDENCE) / 2
    return statistics.median(percent), medians[int(tail * RESAMPLES)], medians[int((1 - tail) * RESAMPLES) - 1]


def supervisor_rows(where: str, supervisors: Sequence[Supervisor]) -> list[Row]:
    """Return the supervisor's cost, in the worst of these runs."""
    if not supervisors:
        return []
    steady = [supervisor.steady_ratio for supervisor in supervisors if supervisor.steady_ratio is not None]
    peaks = (
        max(supervisor.peak_rss_bytes for supervisor in supervisors),
        max(supervisor.helpers_rss_bytes for supervisor in supervisors),
    )
    return [
        row(f"{where}: supervisor and helpers, steady", 100 * max(steady) if steady else None, "% of a core", "CPU"),
        row(
            f"{where}: from start to end",
            max(supervisor.all_cpu_s for supervisor in supervisors),
            "s",
            "CPU, helpers included",
        ),
        row(f"{where}: supervisor", peaks[0] / 1e6, "MB", "peak RSS"),
        row(f"{where}: its helpers", peaks[1] / 1e6, "MB", "RSS, all together, shared pages counted each time"),
    ]


def tape_rows(growth: Growth) -> list[Row]:
    """Return rows about the tape of a simulated day."""
    how = "played" if growth.hours >= DAY_H else f"extrapolated from {growth.hours} h"
    return [
        row("tape: processes on it", float(growth.processes), "", ""),
        row("tape: first hour", growth.first_hour_mb, "MB", "of it the last 15 minutes in full"),
        row("tape: each further hour", growth.mb_per_hour, "MB", "simulated"),
        row("tape: a day", growth.day_mb, "MB", how),
    ]


def supervisor_goals(crowded: Supervisor, growth: Growth) -> list[Goal]:
    """Return the goals for 20 processes; open if fewer were watched or the run was too short to become steady."""
    enough = growth.processes >= PROCESSES_GOAL
    cpu = None if crowded.steady_ratio is None else 100 * crowded.steady_ratio
    numbers = [
        ("CPU of the supervisor with 20 processes (% of a core)", CPU_GOAL_PERCENT, cpu),
        ("RSS of the supervisor with 20 processes (MB)", RSS_GOAL_MB, crowded.peak_rss_bytes / 1e6),
        ("tape of a day with 20 processes (MB)", TAPE_GOAL_MB, growth.day_mb),
    ]
    return [
        Goal(name, goal, None, None)
        if measured is None or not enough
        else Goal(name, goal, round(measured, 3), measured <= goal)
        for name, goal, measured in numbers
    ]


def row(name: str, value: float | None, unit: str, note: str) -> Row:
    """Return one row of the table."""
    return {"name": name, "value": None if value is None else round(value, 3), "unit": unit, "note": note}


if __name__ == "__main__":
    sys.exit(main())
