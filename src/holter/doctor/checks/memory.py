"""RAM, shared memory, swap, descriptors and processes compared with the needs of a training of this plan."""

from __future__ import annotations

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.needs import (
    Workers,
    batch_bytes,
    descriptors,
    export_workers,
    exports_that_fit,
    free_memory,
    training_bytes,
    worker_bytes,
    workers,
)
from holter.doctor.records import Result, Survey
from holter.sentences import define_all
from holter.sizes import GIB

define_all(
    {
        "doctor.training-memory.title": "memory for training",
        "doctor.memory-limit.title": "memory limit",
        "doctor.validation-memory.title": "final validation",
        "doctor.shared-memory.title": "/dev/shm",
        "doctor.swap.title": "swap",
        "doctor.file-limit.title": "open files",
        "doctor.process-limit.title": "processes, threads",
        "doctor.training-memory.go": (
            "about {need:bytes} of {free:bytes} free ({count} workers, {each:bytes} each)",
            "about {need:bytes} of {free:bytes} free ({count} worker, {each:bytes})",
        ),
        "doctor.training-memory.no-plan": "{free:bytes} free",
        "doctor.training-memory.little": (
            "{free:bytes} of memory are free; nnU-Net asks for a machine with {wanted:bytes}."
        ),
        "doctor.training-memory.little.do": "Close other programs, or ask for more memory.",
        "doctor.training-memory.close": (
            "The training takes about {need:bytes} ({count} workers, {each:bytes} each); {free:bytes} are free.",
            "The training takes about {need:bytes} ({count} worker, {each:bytes}); {free:bytes} are free.",
        ),
        "doctor.training-memory.close.do": "Use fewer data workers.",
        "doctor.training-memory.close-anyway": "The training takes about {need:bytes}; {free:bytes} are free.",
        "doctor.training-memory.close-anyway.do": "Ask for more memory; fewer workers do not help enough.",
        "doctor.training-memory.too-little": (
            "The training takes about {need:bytes} ({count} workers, {each:bytes} each), but {free:bytes} are "
            "free: the kernel will kill a worker.",
            "The training takes about {need:bytes} ({count} worker, {each:bytes}), but {free:bytes} are free: the "
            "kernel will kill the worker.",
        ),
        "doctor.training-memory.too-little.do": "Use fewer data workers.",
        "doctor.training-memory.hopeless": (
            "The training takes about {need:bytes}; even with one worker that is more than {free:bytes}, the free "
            "memory."
        ),
        "doctor.training-memory.hopeless.do": "Ask for more memory, or plan with a smaller patch or batch.",
        "doctor.memory-limit.none": "none",
        "doctor.memory-limit.limit": "{limit:bytes} of the machine's {total:bytes}",
        "doctor.memory-limit.limit-alone": "{limit:bytes}",
        "doctor.memory-limit.killed": (
            "This control group is limited to {limit:bytes}, and the kernel has already killed processes in it "
            "({count})."
        ),
        "doctor.memory-limit.killed.do": "Ask for more memory (--mem, --memory), or use fewer data workers.",
        "doctor.validation-memory.go": (
            "{count} export workers fit; the largest case ({case}) needs {need:bytes}",
            "{count} export worker fits; the largest case ({case}) needs {need:bytes}",
        ),
        "doctor.validation-memory.fewer": (
            "The final validation starts {workers} export workers; {fit} fit into memory and /dev/shm (largest case "
            "{case}: {need:bytes}, free: {free:bytes}). With more of them, it dies or hangs after the last epoch."
        ),
        "doctor.validation-memory.fewer.do": "Use fewer export workers.",
        "doctor.validation-memory.hopeless": (
            "The final validation needs {need:bytes} for {case} alone; {free:bytes} are free. It would die after "
            "the last epoch."
        ),
        "doctor.validation-memory.hopeless.do": (
            "Ask for more memory for the end of the training, or validate elsewhere (--val)."
        ),
        "doctor.shared-memory.go": "{need:bytes} of {free:bytes} free for full queues",
        "doctor.shared-memory.no-plan": "{total:bytes}",
        "doctor.shared-memory.small": (
            "/dev/shm has {total:bytes} (Docker gives 64 MiB); full queues of a 3D plan need more."
        ),
        "doctor.shared-memory.small.do": "Start the container with a larger one, or with --ipc=host.",
        "doctor.shared-memory.too-small": (
            "Full queues take {need:bytes} in /dev/shm; {free:bytes} of {total:bytes} are free. Workers would die "
            "(SIGBUS)."
        ),
        "doctor.shared-memory.too-small.do": "Start the container with a larger one, or with --ipc=host.",
        "doctor.shared-memory.close": (
            "Full queues take {need:bytes} in /dev/shm; {free:bytes} of {total:bytes} are free."
        ),
        "doctor.shared-memory.close.do": "Start the container with a larger one, or with --ipc=host.",
        "doctor.swap.none": "none",
        "doctor.swap.go": "{used:bytes} of {total:bytes} in use",
        "doctor.swap.full": "{used:bytes} of {total:bytes} in use, without pressure now",
        "doctor.swap.busy": "{used:bytes} of {total:bytes} of swap are in use, and processes wait for memory.",
        "doctor.swap.busy.do": "Free memory first: a training that swaps stalls.",
        "doctor.file-limit.none": "no limit",
        "doctor.file-limit.go": "{limit}; a training takes about {need}",
        "doctor.file-limit.low": (
            "{limit} files may be open; full queues keep about {need}. It would end with “Too many open files”."
        ),
        "doctor.file-limit.low.do": "Raise the limit in the shell that starts the training.",
        "doctor.process-limit.none": "no limit",
        "doctor.process-limit.go": "{left} more ({name})",
        "doctor.process-limit.close": (
            "{left} more processes and threads are allowed ({name}: {limit}); a training has up to {need}."
        ),
        "doctor.process-limit.close.do": "Raise the limit (Docker: --pids-limit).",
        "doctor.process-limit.low": "Only {left} more processes and threads are allowed ({name}: {limit}).",
        "doctor.process-limit.low.do": "Raise the limit (Docker: --pids-limit), or end left-over processes.",
    }
)

# Estimates are not measurements, and other processes use memory too: above this share of free memory it is close.
CLOSE_RATIO = 0.8
# Without a plan: nnU-Net's recommendation for a machine, and the minimum of its smallest plans.
RECOMMENDED_BYTES, LEAST_BYTES = 32 * GIB, 8 * GIB
# A standard 3D plan (128 cubed, two a batch) takes 700 MiB in its queues; Docker gives 64 MiB.
COMMON_SHM = 1 * GIB
SWAP_USED_RATIO = 0.5
# Threads and processes of a training with its workers, compilation and BLAS pools.
TASKS = 400


def training_memory(survey: Survey) -> Result:
    """Check the RAM of the training and its workers."""
    free = free_memory(survey)
    if free is None:
        return unknown("training-memory", "meminfo-unread")
    processes = workers(survey)
    if survey.plan is None:
        return _without_plan(free)
    need = training_bytes(survey.plan, processes, survey.asked.device)
    values = {
        "need": need,
        "free": free,
        "workers": processes.together,
        "count": processes.together,
        "each": worker_bytes(survey.plan),
    }
    if need <= CLOSE_RATIO * free:
        return go("training-memory", **values)
    fitting = _workers_that_fit(survey, processes, CLOSE_RATIO * free)
    setting = f"export nnUNet_n_proc_DA={fitting}" if fitting else None
    if need > free:
        return result("no-go", "training-memory", "too-little" if fitting else "hopeless", setting=setting, **values)
    return result("warn", "training-memory", "close" if fitting else "close-anyway", setting=setting, **values)


def _without_plan(free: int) -> Result:
    if free < LEAST_BYTES:
        return result("warn", "training-memory", "little", free=free, wanted=RECOMMENDED_BYTES)
    return go("training-memory", "no-plan", free=free)


def _workers_that_fit(survey: Survey, processes: Workers, free: float) -> int | None:
    for train in range(processes.train - 1, 0, -1):
        fewer = workers(survey, train)
        if survey.plan is not None and training_bytes(survey.plan, fewer, survey.asked.device) <= free:
            return fewer.train
    return None


def memory_limit(survey: Survey) -> Result:
    """Check the memory limit of the control group, which free and top do not show."""
    group, host = survey.cgroup, survey.host
    if group is None or group.version == "none":
        return unknown("memory-limit", "no-cgroup")
    if group.memory_limit_bytes is None:
        return go("memory-limit", "none")
    total = host.memory_total_bytes if host else None
    limit = group.memory_limit_bytes
    if (group.oom_kill_total or 0) > 0:
        return result("warn", "memory-limit", "killed", count=group.oom_kill_total, limit=limit, total=total)
    return go("memory-limit", "limit" if total else "limit-alone", limit=limit, total=total)


def validation_memory(survey: Survey) -> Result:
    """Check the RAM for the final validation: each export worker resamples one case's logits."""
    files = survey.files
    if files is None:
        return not_applicable("validation-memory", "no-data")
    free = free_memory(survey)
    if not files.export_needs:
        return unknown("validation-memory", files.why_unread or "no-properties")
    if free is None:
        return unknown("validation-memory", "meminfo-unread")
    asked, fit = export_workers(survey), exports_that_fit(survey, int(CLOSE_RATIO * free)) or 1
    case, largest, _ = max(files.export_needs, key=lambda need: need[1])
    values = {"case": case, "need": largest, "free": free, "workers": asked, "count": asked, "fit": fit}
    if largest > free:
        return result("no-go", "validation-memory", "hopeless", **values)
    if fit < asked:
        setting = f"export nnUNet_def_n_proc={fit}"
        return result("warn", "validation-memory", "fewer", setting=setting, **values)
    return go("validation-memory", **values)


def shared_memory(survey: Survey) -> Result:
    """Check /dev/shm against the batches of full queues."""
    host = survey.host
    if host is None or not host.shm_total_bytes:
        return unknown("shared-memory", "shm-unread")
    free = host.shm_total_bytes - (host.shm_used_bytes or 0)
    if survey.plan is None:
        if host.shm_total_bytes < COMMON_SHM:
            return result("warn", "shared-memory", "small", total=host.shm_total_bytes, setting=_shm(COMMON_SHM))
        return go("shared-memory", "no-plan", total=host.shm_total_bytes)
    need = workers(survey).batches * batch_bytes(survey.plan)
    values = {"need": need, "free": free, "total": host.shm_total_bytes}
    if need > free:
        return result("no-go", "shared-memory", "too-small", setting=_shm(need), **values)
    if need > CLOSE_RATIO * free:
        return result("warn", "shared-memory", "close", setting=_shm(need), **values)
    return go("shared-memory", **values)


def _shm(need: int) -> str:
    # Twice the need, in whole GiB: predictions of the final validation pass through it too.
    return f"docker run --shm-size={max(1, -(-2 * need // GIB))}g"


def swap(survey: Survey) -> Result:
    """Check whether the machine swaps already."""
    host = survey.host
    if host is None or host.swap_total_bytes is None:
        return unknown("swap", "meminfo-unread")
    if not host.swap_total_bytes:
        return go("swap", "none")
    used = (host.swap_used_bytes or 0) / host.swap_total_bytes
    values = {"used": host.swap_used_bytes or 0, "total": host.swap_total_bytes}
    if used >= SWAP_USED_RATIO and (host.pressure_memory_some_ratio or 0) > 0:
        return result("warn", "swap", "busy", **values)
    return go("swap", "full" if used >= SWAP_USED_RATIO else "go", **values)


def file_limit(survey: Survey) -> Result:
    """Check the limit of open files: every tensor between processes keeps one open."""
    machine = survey.machine
    if machine.files_soft_limit is None:
        if machine.taken_unix_s is None:
            return unknown("file-limit", "not-read")
        return go("file-limit", "none")
    need = descriptors(survey.plan, workers(survey))
    values = {"limit": machine.files_soft_limit, "need": need}
    if need > machine.files_soft_limit:
        wanted = max(4096, 2 * need)
        hard = machine.files_hard_limit
        setting = f"ulimit -n {wanted if hard is None else min(hard, wanted)}"
        return result("no-go", "file-limit", "low", setting=setting, **values)
    return go("file-limit", **values)


def process_limit(survey: Survey) -> Result:
    """Check the limits of processes and threads: the group's pids.max and the user's limit."""
    group, machine = survey.cgroup, survey.machine
    margins = []
    if group is not None and group.pids_limit is not None and group.pids_used is not None:
        margins.append((group.pids_limit - group.pids_used, "pids.max", group.pids_limit))
    if machine.processes_soft_limit is not None and machine.user_tasks is not None:
        margins.append((machine.processes_soft_limit - machine.user_tasks, "ulimit -u", machine.processes_soft_limit))
    if not margins:
        if machine.taken_unix_s is None:
            return unknown("process-limit", "not-read")
        return go("process-limit", "none")
    margin, name, limit = min(margins)
    values = {"left": max(0, margin), "name": name, "limit": limit, "need": TASKS}
    if margin < workers(survey).together + 20:
        return result("no-go", "process-limit", "low", **values)
    return result("warn", "process-limit", "close", **values) if margin < TASKS else go("process-limit", **values)


CHECKS = (
    training_memory, memory_limit, validation_memory, shared_memory, swap, file_limit, process_limit,
)  # fmt: skip
