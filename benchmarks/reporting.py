"""Results of every benchmark: a table on the screen and, if asked, one JSON file."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

Row = Mapping[str, object]
PACKAGES = ("torch", "nnunetv2", "batchgenerators", "batchgeneratorsv2", "holter")


class Goal(NamedTuple):
    """One goal; ``met`` is None if it could not be measured here."""

    name: str
    goal: float
    measured: float | None
    met: bool | None


def options_of(name: str, description: str | None, *, quick: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has. ``quick``: what is less with ``--quick``."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, help="write results and goals to this file")
    return parser


def conclude(
    rows: Sequence[Row], goals: Sequence[Goal], file: Path | None, facts: Mapping[str, str] | None = None
) -> int:
    """Print everything, write ``file`` if given; return 1 if a goal was missed, else 0."""
    facts = machine() if facts is None else facts
    print("; ".join(f"{name} {value}" for name, value in facts.items()))
    print_table(rows)
    print_table(
        [{"goal": goal.name, "at most": goal.goal, "measured": goal.measured, "met": _word(goal.met)} for goal in goals]
    )
    if file is not None:
        file.write_text(json.dumps(document(rows, goals, facts), indent=2) + "\n")
    return int(any(goal.met is False for goal in goals))


def document(rows: Sequence[Row], goals: Sequence[Goal], facts: Mapping[str, str]) -> dict[str, object]:
    """Return the content of the JSON file."""
    return {"machine": facts, "results": list(rows), "goals": [goal._asdict() for goal in goals]}


def machine() -> dict[str, str]:
    """Return what the numbers depend on: processor, kernel and versions, and the load of the machine."""
    facts = {
        "processor": _processor() or platform.machine(),
        "CPUs": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = "missing"
    facts["load, 15 min"] = f"{os.getloadavg()[2]:.1f}"
    return facts


def print_table(rows: Sequence[Row]) -> None:
    """Print rows below the names of their fields, in the order in which fields first appear."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_shown(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    print()
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"
    return "-" if value is None else str(value)


def _word(met: bool | None) -> str:
    return {True: "yes", False: "NO", None: "not measured"}[met]


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
