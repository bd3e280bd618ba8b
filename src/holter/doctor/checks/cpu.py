"""CPU cores compared with the processes that nnU-Net starts."""

from __future__ import annotations

from math import floor

from holter.doctor.checks.results import go, number, result, unknown
from holter.doctor.needs import DEFAULT_WORKERS, workers
from holter.doctor.records import Result, State, Survey
from holter.sentences import define_all

define_all(
    {
        "doctor.cpu-cores.title": "cores",
        "doctor.cpu-limits.title": "limits on cores",
        "doctor.data-workers.title": "data workers",
        "doctor.threads.title": "thread settings",
        "doctor.cpu-load.title": "load now",
        "doctor.cpu-cores.go": "{cpus} cores for this training",
        "doctor.cpu-cores.few": (
            "{cpus} cores can be used; nnU-Net asks for {wanted}. The training will wait for its batches."
        ),
        "doctor.cpu-cores.few.do": "Get more cores, or take load off them: holter train --loader holter.",
        "doctor.cpu-limits.go": "none: all {seen} can be used",
        "doctor.cpu-limits.quota": (
            "A quota grants {cpus} cores, but nnU-Net counts {seen} cores when it starts workers."
        ),
        "doctor.cpu-limits.quota.do": "Start as many workers as there are cores.",
        "doctor.cpu-limits.affinity": (
            "{cpus} of the machine's {seen} cores may be used, but nnU-Net counts all of them when it starts workers."
        ),
        "doctor.cpu-limits.affinity.do": "Start as many workers as there are cores.",
        "doctor.data-workers.go": "{train} for training + {validation} for validation on {cpus} cores",
        "doctor.data-workers.invalid": "nnUNet_n_proc_DA={value} is not a number: nnU-Net ends at once.",
        "doctor.data-workers.invalid.do": "Set a number.",
        "doctor.data-workers.zero": (
            "nnUNet_n_proc_DA=0: the training process makes each batch itself, and trains nothing meanwhile."
        ),
        "doctor.data-workers.zero.do": "Set at least 1; 0 is for finding errors only.",
        "doctor.data-workers.default": (
            "nnUNet_n_proc_DA is not set: nnU-Net starts {train} + {validation} data workers for {cpus} cores."
        ),
        "doctor.data-workers.default.do": "Start as many workers as there are cores.",
        "doctor.data-workers.too-many": "nnU-Net starts {train} + {validation} data workers for {cpus} cores.",
        "doctor.data-workers.too-many.do": "Start as many workers as there are cores.",
        "doctor.threads.go": "no setting makes workers compete for cores",
        "doctor.threads.pinned": "{name}={value} ties threads to cores: forked workers may all end up on the same one.",
        "doctor.threads.pinned.do": "Unset it for nnU-Net.",
        "doctor.threads.invalid": "{name}={value} is not a number.",
        "doctor.threads.invalid.do": "Set it to 1.",
        "doctor.threads.many": "{name}={value} in each of {workers} workers is more threads than the cores can run.",
        "doctor.threads.many.do": "Use one thread per worker.",
        "doctor.cpu-load.go": "{percent:percent} % busy",
        "doctor.cpu-load.busy": (
            "The machine's cores are {percent:percent} % busy already; the data workers will share them."
        ),
        "doctor.cpu-load.busy.do": "See which processes use them; wait, or use another machine.",
        "doctor.cpu-load.stolen": "The hypervisor takes {percent:percent} % of this machine's CPU time for others.",
        "doctor.cpu-load.stolen.do": "Ask for cores of your own, or for a less crowded host.",
    }
)

# nnU-Net's own requirements: 6 cores (12 threads) for one GPU; below 4 its augmentation starves even small plans.
RECOMMENDED_CPUS, FEW_CPUS = 6, 4
# Other processes may use this much before they take cores that the workers need.
BUSY_RATIO = 0.5
# Pools of n threads in each of n processes: more threads per core than this only compete.
THREADS_PER_CPU = 2
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# They tie every worker to the same core, because workers are forked from one process.
PINNING = ("OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "OMP_PLACES")
NOT_PINNING = ("false", "none", "disabled")
STEAL_RATIO = 0.05


def cpu_cores(survey: Survey) -> Result:
    """Check that there are enough cores."""
    cpus = survey.cgroup.effective_cpus if survey.cgroup else None
    if cpus is None:
        return unknown("cpu-cores", "limits-unread")
    shown = number(cpus)
    if cpus < FEW_CPUS:
        return result("warn", "cpu-cores", "few", cpus=shown, wanted=RECOMMENDED_CPUS)
    return go("cpu-cores", cpus=shown)


def cpu_limits(survey: Survey) -> Result:
    """Check for a CPU quota or CPU set, which os.cpu_count() ignores."""
    group, seen = survey.cgroup, survey.software.cpu_count or (survey.host.cpu_count if survey.host else None)
    if group is None or group.effective_cpus is None or seen is None:
        return unknown("cpu-limits", "limits-unread")
    values = {"cpus": number(group.effective_cpus), "seen": seen}
    if group.cpu_quota_cpus is not None and group.cpu_quota_cpus < seen:
        return result("warn" if _too_many(survey) else "go", "cpu-limits", "quota", setting=_fitting(survey), **values)
    if group.effective_cpus < seen:
        state: State = "warn" if _too_many(survey) else "go"
        return result(state, "cpu-limits", "affinity", setting=_fitting(survey), **values)
    return go("cpu-limits", **values)


def data_workers(survey: Survey) -> Result:
    """Check the number of data workers (nnUNet_n_proc_DA) against the cores."""
    processes = workers(survey)
    values = {"train": processes.train, "validation": processes.validation}
    if processes.invalid is not None:
        return result("no-go", "data-workers", "invalid", setting=_fitting(survey), value=processes.invalid)
    if processes.train == 0:
        return result("warn", "data-workers", "zero", setting=_fitting(survey))
    cpus = survey.cgroup.effective_cpus if survey.cgroup else None
    if cpus is None:
        return unknown("data-workers", "limits-unread")
    if _too_many(survey):
        variant = "default" if processes.asked is None else "too-many"
        return result("warn", "data-workers", variant, setting=_fitting(survey), cpus=number(cpus), **values)
    return go("data-workers", cpus=number(cpus), **values)


def threads(survey: Survey) -> Result:
    """Check the variables that set how many threads each process starts, or pin threads to cores."""
    if survey.environment is None:
        return unknown("threads", "environment-unread")
    variables = survey.variables
    pinned = [name for name in PINNING if variables.get(name, "false").split(",")[0].lower() not in NOT_PINNING]
    if pinned:
        return result(
            "warn", "threads", "pinned", setting=f"unset {pinned[0]}", name=pinned[0], value=variables[pinned[0]]
        )
    cpus = survey.cgroup.effective_cpus if survey.cgroup else None
    for name in THREAD_VARIABLES:
        try:
            wanted = int(variables.get(name, "1").split(",")[0])
        except ValueError:
            return result("warn", "threads", "invalid", setting=f"export {name}=1", name=name, value=variables[name])
        processes = workers(survey).together
        if cpus is not None and wanted > 1 and wanted * processes > THREADS_PER_CPU * cpus:
            return result(
                "warn", "threads", "many", setting=f"export {name}=1", name=name, value=wanted, workers=processes
            )
    return go("threads")


def cpu_load(survey: Survey) -> Result:
    """Check whether other processes use the cores now, or the hypervisor takes CPU time."""
    host = survey.host
    if host is None or host.cpu_busy_ratio is None:
        return unknown("cpu-load", "stat-unread")
    if (host.cpu_steal_ratio or 0) >= STEAL_RATIO:
        return result("warn", "cpu-load", "stolen", percent=host.cpu_steal_ratio)
    if host.cpu_busy_ratio >= BUSY_RATIO:
        return result("warn", "cpu-load", "busy", percent=host.cpu_busy_ratio, setting="top -o %CPU")
    return go("cpu-load", percent=host.cpu_busy_ratio)


def _too_many(survey: Survey) -> bool:
    # More training workers than cores: nnU-Net uses os.cpu_count(), which ignores limits.
    cpus = survey.cgroup.effective_cpus if survey.cgroup else None
    return cpus is not None and workers(survey).train > max(1, floor(cpus))


def _fitting(survey: Survey) -> str:
    cpus = survey.cgroup.effective_cpus if survey.cgroup else None
    return f"export nnUNet_n_proc_DA={max(1, min(DEFAULT_WORKERS, floor(cpus or 1)))}"


CHECKS = (cpu_cores, cpu_limits, data_workers, threads, cpu_load)
