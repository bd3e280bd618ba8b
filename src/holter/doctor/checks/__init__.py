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
from holter.doctor.records import Group, Result, Survey

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
