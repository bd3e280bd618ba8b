"""All faults and healthy variations: every module of the two folders names its class in ``SCENARIO``."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from benchmarks.faultlab import faults, healthy
from benchmarks.faultlab.fault import Fault, Healthy, Scenario
from holter.errors import BadInput

NEXT_STEP = "python -m benchmarks.faultlab --list"


def _found(package: ModuleType) -> dict[str, type[Scenario]]:
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {module.SCENARIO.name: module.SCENARIO for module in modules}


FAULTS: dict[str, type[Fault]] = {name: made for name, made in _found(faults).items() if issubclass(made, Fault)}
HEALTHY: dict[str, type[Healthy]] = {name: made for name, made in _found(healthy).items() if issubclass(made, Healthy)}
# In --quick: one of each kind, and two that must stay silent.
QUICK = ("worker-sigkill", "worker-sigstop", "main-raises", "disk-hangs", "truncated-file", "cpu-quota")
QUICK_HEALTHY = ("clock-jumps", "machine-suspended")


def find(name: str) -> type[Scenario]:
    """Return the class of that name.

    Raises:  BadInput.
    """
    scenario = {**FAULTS, **HEALTHY}.get(name)
    if scenario is None:
        raise BadInput(f"there is no fault and no healthy variation {name!r}", next_step=NEXT_STEP)
    return scenario
