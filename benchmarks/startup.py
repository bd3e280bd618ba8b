"""The CPU time of commands that answer at once: help, version, a page of ``explain``.

Every command is started as a process of its own, several times in turns with a Python that does nothing. Its CPU time
(user and system, all threads, from ``wait4``) depends little on what else the machine does. The median counts; the
best is printed beside it. Python's compiled files exist before the first start that is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

GOAL_S = 0.15
# With a goal: what is typed to learn something. Without: what is read from a tape or starts a training.
WITH_GOAL = (("--help",), ("--version",), ("explain",), ("explain", "frozen-worker"))
OTHERS = (("train", "--help"), ("diagnose", "--help"), ("diagnose", "nothing-there"))
PYTHON = ("python -c pass",)


def main() -> int:
    """Measure, print a table and a line of JSON, write JSON if asked; return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--json", type=Path, help="write results and goals to this file")
    options = parser.parse_args()
    report = measure(5 if options.quick else 25)
    print_table(report)
    print(json.dumps({result["name"]: result["median_s"] for result in report["results"]}))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if all(goal["met"] for goal in report["goals"]) else 1


def measure(repeats: int) -> dict[str, list[dict[str, object]]]:
    """Return results and goals, in seconds of CPU time."""
    times: dict[tuple[str, ...], list[float]] = {case: [] for case in (PYTHON, *WITH_GOAL, *OTHERS)}
    for repeat in range(repeats + 1):  # the first ones fill caches and are not counted
        for case, seconds in times.items():
            cpu_s = started(case)
            if repeat > 0:
                seconds.append(cpu_s)
    results: list[dict[str, object]] = [
        {
            "name": case[0] if case == PYTHON else "holter " + " ".join(case),
            "median_s": round(statistics.median(seconds), 4),
            "best_s": round(min(seconds), 4),
            "repeats": repeats,
        }
        for case, seconds in times.items()
    ]
    goals: list[dict[str, object]] = [
        {
            "name": f"CPU time of holter {' '.join(case)} (s)",
            "goal": GOAL_S,
            "measured": round(statistics.median(times[case]), 4),
            "met": statistics.median(times[case]) <= GOAL_S,
        }
        for case in WITH_GOAL
    ]
    return {"results": results, "goals": goals}


def started(case: tuple[str, ...]) -> float:
    """Run one command; return its CPU time in seconds."""
    command = [sys.executable, "-c", "pass"] if case == PYTHON else [sys.executable, "-m", "holter", *case]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it was waited for here
    return usage.ru_utime + usage.ru_stime


def print_table(report: dict[str, list[dict[str, object]]]) -> None:
    """Print results and goals."""
    print(f"{'CPU seconds':34}{'median':>10}{'best':>10}")
    for result in report["results"]:
        print(f"{result['name']:34}{result['median_s']:>10}{result['best_s']:>10}")
    for goal in report["goals"]:
        verdict = "met" if goal["met"] else "MISSED"
        print(f"{goal['name']}: {goal['measured']} (goal: at most {goal['goal']}): {verdict}")


if __name__ == "__main__":
    sys.exit(main())
