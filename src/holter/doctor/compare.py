"""Compare two surveys ("works on the workstation, not in the VM"): their differences, the most important first."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from holter.doctor.checks import examine
from holter.doctor.checks.results import number
from holter.doctor.records import Difference, Examination, Survey, Worse
from holter.doctor.sentences import FILE_ERROR
from holter.errors import BadInput
from holter.sentences import define
from holter.sizes import format_bytes

SCHEMA = "holter-doctor/1"
CANNOT_READ = define("error.report-unreadable", "{path} cannot be read: {error}.")
NO_REPORT = define("error.no-report", "{path} is not a report of holter doctor (schema {schema}).")
NO_SCHEMA = define("error.no-schema", "{path} is not a report of holter doctor (no schema).")
SEVERITY = {"no-go": 3, "warn": 2, "unknown": 1, "go": 0, "not-applicable": 0}
# A check that one machine fails comes before any plain fact; a fact of the same subject comes after it.
OF_A_STATE = 10.0
OF_UNKNOWN = 0.5  # a check that one machine cannot measure is the least telling
# A smaller difference of measured numbers is normal for one machine on two days.
NOISE_TIMES = 1.5

Value = str | float | int | None
UNSET = "unset"


class Fact(NamedTuple):
    """A fact that is compared between two machines. ``better``: +1 more is better, -1 less is better, 0 neither."""

    name: str
    read: Callable[[Survey], Value]
    weight: float
    better: int = 0
    measured: bool = False  # small differences are ignored (``NOISE_TIMES``)
    show: Callable[[Any], str] = str


def _gpu(field: str) -> Callable[[Survey], Value]:
    def read(survey: Survey) -> Value:
        gpus = [gpu for gpu in survey.gpus if gpu.source != "none"]
        return getattr(gpus[0], field) if gpus else None

    return read


def _of(part: str, field: str) -> Callable[[Survey], Value]:
    def read(survey: Survey) -> Value:
        owner = getattr(survey, part)
        return getattr(owner, field) if owner else None

    return read


def _folder(label: str, field: str) -> Callable[[Survey], Value]:
    def read(survey: Survey) -> Value:
        folder = survey.folder(label)
        return getattr(folder, field) if folder else None

    return read


def _package(name: str) -> Callable[[Survey], Value]:
    return lambda survey: survey.packages.get(name)


def _variable(name: str) -> Callable[[Survey], Value]:
    return lambda survey: survey.variables.get(name, UNSET) if survey.environment is not None else None


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


def _rate(bytes_per_s: float) -> str:
    return f"{format_bytes(bytes_per_s)}/s"


FACTS: tuple[Fact, ...] = (
    Fact("gpu.licence_stage", _gpu("licence_stage"), 9),
    Fact("gpu.virtualization", _gpu("virtualization"), 8),
    Fact("gpu.name", _gpu("name"), 7),
    Fact("gpu.memory_total", _gpu("memory_total_bytes"), 5, 1, True, format_bytes),
    Fact("gpu.driver", _gpu("driver"), 4),
    Fact("gpu.pcie_width", _gpu("pcie_width"), 3, 1),
    Fact("cpu.effective", _of("cgroup", "effective_cpus"), 6, 1, show=number),
    Fact("cpu.quota", _of("cgroup", "cpu_quota_cpus"), 5, show=number),
    Fact("cpu.model", _of("environment", "cpu_model"), 3),
    Fact("memory.available", _of("host", "memory_available_bytes"), 4, 1, True, format_bytes),
    Fact("memory.limit", _of("cgroup", "memory_limit_bytes"), 5, 1, True, format_bytes),
    Fact("memory.shm", _of("host", "shm_total_bytes"), 5, 1, True, format_bytes),
    Fact("machine.virtual", _of("environment", "virtual_machine"), 4),
    Fact("machine.container", _of("environment", "container"), 4),
    Fact("machine.kernel", _of("environment", "kernel"), 1),
    Fact("machine.os", _of("environment", "os"), 1),
    Fact("machine.clock_source", _of("host", "clock_source"), 1),
    Fact("storage.kind", _folder("preprocessed", "fs_type"), 4),
    Fact("storage.latency", _folder("preprocessed", "read_latency_s"), 4, -1, True, _milliseconds),
    Fact("storage.rate", _folder("preprocessed", "read_bytes_per_s"), 4, 1, True, _rate),
    Fact("software.python", _of("software", "python"), 2),
    Fact("software.torch", _package("torch"), 6),
    Fact("software.cuda", _of("software", "torch_cuda"), 4),
    Fact("software.cudnn", _of("software", "cudnn"), 3),
    Fact("software.nnunetv2", _package("nnunetv2"), 5),
    Fact("software.batchgenerators", _package("batchgenerators"), 4),
    Fact("software.batchgeneratorsv2", _package("batchgeneratorsv2"), 3),
    Fact("software.threadpoolctl", _package("threadpoolctl"), 3),
    Fact("software.blosc2", _package("blosc2"), 2),
    Fact("software.numpy", _package("numpy"), 2),
    Fact("software.triton", _package("triton"), 2),
    Fact("software.compiler", _of("software", "compiler_version"), 1),
    Fact("setting.nnUNet_n_proc_DA", _variable("nnUNet_n_proc_DA"), 4),
    Fact("setting.nnUNet_compile", _variable("nnUNet_compile"), 3),
    Fact("setting.nnUNet_def_n_proc", _variable("nnUNet_def_n_proc"), 2),
    Fact("setting.OMP_NUM_THREADS", _variable("OMP_NUM_THREADS"), 2),
    Fact("setting.CUDA_VISIBLE_DEVICES", _of("machine", "visible_gpus"), 2),
    Fact("limit.files", _of("machine", "files_soft_limit"), 2, 1),
    Fact("limit.pids", _of("cgroup", "pids_limit"), 2, 1),
)


def compare(first: Survey, second: Survey) -> tuple[Difference, ...]:
    """Return differing states of checks, then differing facts, sorted by weight.

    A fact that is unknown on one side is listed as unknown. It may be the reason, but neither side counts as worse.
    """
    differences = [*_states(examine(first), examine(second)), *_facts(first, second)]
    return tuple(sorted(differences, key=lambda difference: (-difference.weight, difference.fact)))


def _states(first: Examination, second: Examination) -> list[Difference]:
    differences = []
    for result, other in zip(first.results, second.results, strict=True):
        here, there = SEVERITY[result.state], SEVERITY[other.state]
        if result.state == other.state or max(here, there) == 0:
            continue
        worst = max(here, there)
        is_known = worst > SEVERITY["unknown"]
        worse: Worse = "first" if here > there else "second"
        differences.append(
            Difference(
                fact=f"check.{result.check}",
                first=result.state,
                second=other.state,
                weight=OF_A_STATE * worst + abs(here - there) if is_known else OF_UNKNOWN,
                worse=worse if is_known and "unknown" not in (result.state, other.state) else "unclear",
                result=(result if here > there else other) if is_known else None,
            )
        )
    return differences


def _facts(first: Survey, second: Survey) -> list[Difference]:
    differences = []
    for fact in FACTS:
        here, there = fact.read(first), fact.read(second)
        if here == there or (fact.measured and _same(here, there)):
            continue
        known = here is not None and there is not None
        differences.append(
            Difference(
                fact=fact.name,
                first=_shown(fact, here),
                second=_shown(fact, there),
                weight=fact.weight if known else fact.weight / 2,
                worse=_worse(fact, here, there),
            )
        )
    return differences


def _same(here: Value, there: Value) -> bool:
    if not isinstance(here, (int, float)) or not isinstance(there, (int, float)) or min(here, there) <= 0:
        return False
    return max(here, there) / min(here, there) < NOISE_TIMES


def _worse(fact: Fact, here: Value, there: Value) -> Worse:
    if not fact.better or not isinstance(here, (int, float)) or not isinstance(there, (int, float)):
        return "unclear"
    return "first" if (here < there) == (fact.better > 0) else "second"


def _shown(fact: Fact, value: Value) -> str:
    return "" if value is None else fact.show(value)


def read_report(path: Path) -> Survey:
    """Read the survey from a saved ``holter doctor --json``.

    Raises:  BadInput if the file is something else.
    """
    step = f"holter doctor --json > {shlex.quote(path.name)}"
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(CANNOT_READ(path=str(path), error=why), next_step=step) from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        what = NO_REPORT(path=str(path), schema=str(schema)) if schema else NO_SCHEMA(path=str(path))
        raise BadInput(what, next_step=step)
    try:
        return msgspec.convert(content.get("survey"), Survey)
    except msgspec.ValidationError as error:
        raise BadInput(FILE_ERROR(path=str(path), error=str(error)), next_step=step) from error
