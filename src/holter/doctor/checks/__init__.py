"""The checks of a ``Survey``, one file per group; each check is a pure function.

The order is that of the report.
"""

from __future__ import annotations

from collections.abc import Callable

from holter.doctor.checks import (
    cpu,
    data,
    file_systems,
    gpu,
    gpu_state,
    licence,
    machine,
    memory,
    run,
    software,
    storage,
)
from holter.doctor.records import Examination, Group, Result, Survey, Verdict

Check = Callable[[Survey], Result]

GROUPS: tuple[tuple[Group, tuple[Check, ...]], ...] = (
    ("gpu", (*gpu.CHECKS, *gpu_state.CHECKS, *licence.CHECKS)),
    ("cpu", cpu.CHECKS),
    ("memory", memory.CHECKS),
    ("storage", (*storage.CHECKS, *file_systems.CHECKS)),
    ("data", data.CHECKS),
    ("software", software.CHECKS),
    ("machine", machine.CHECKS),
    ("run", run.CHECKS),
)
CHECKS: tuple[Check, ...] = tuple(check for _, checks in GROUPS for check in checks)


def name_of(check: Check) -> str:
    """Return the check's name in results and documents."""
    return check.__name__.replace("_", "-")


def examine(survey: Survey) -> Examination:
    """Run every check on one survey. Unknown results never make the verdict worse, and never count as fine."""
    results = tuple(check(survey) for check in CHECKS)
    states = {result.state for result in results}
    verdict: Verdict = "no-go" if "no-go" in states else "warn" if "warn" in states else "go"
    return Examination(verdict=verdict, results=results, survey=survey)
