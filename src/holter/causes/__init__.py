"""Evidence -> Verdict; one file a cause, named like its page, its tapes and its test."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from holter.causes import (
    cgroup_cpu_quota,
    cgroup_page_cache_pressure,
    copy_on_read_growth,
    cpu_starved_augmentation,
    cudnn_2d_host_leak,
    disk_full_or_quota,
    export_lost_result_hang,
    export_ram_oom,
    external_kill,
    fd_exhaustion,
    few_cores_allocated,
    fork_lock_deadlock,
    frozen_worker,
    gpu_shared_or_zombie,
    gpu_side_stall,
    gpu_thermal_or_power,
    kernel_time_reclaim,
    main_exception,
    malloc_arena_retention,
    nested_threadpoolctl_fork_crash,
    not_stuck,
    preprocess_worker_killed,
    ram_oom_train_worker,
    secondary_worker_message,
    shm_too_small,
    slow_storage,
    swap_thrash,
    threadpoolctl_version,
    truncated_preprocessed_file,
    unpack_slow_or_oom,
    vgpu_unlicensed,
    windows_spawn_commit,
    worker_exception,
    worker_killed,
)
from holter.detectors import detect
from holter.evidence import Evidence, collect
from holter.records import Diagnosis, Episode, Verdict
from holter.tape import Recording

Diagnose = Callable[[Evidence], Verdict]

MODULES: tuple[ModuleType, ...] = (
    cgroup_cpu_quota,
    cpu_starved_augmentation,
    disk_full_or_quota,
    export_lost_result_hang,
    external_kill,
    few_cores_allocated,
    frozen_worker,
    gpu_shared_or_zombie,
    gpu_side_stall,
    gpu_thermal_or_power,
    main_exception,
    not_stuck,
    shm_too_small,
    slow_storage,
    truncated_preprocessed_file,
    vgpu_unlicensed,
    worker_exception,
    worker_killed,
    cgroup_page_cache_pressure,
    copy_on_read_growth,
    cudnn_2d_host_leak,
    export_ram_oom,
    fd_exhaustion,
    fork_lock_deadlock,
    kernel_time_reclaim,
    malloc_arena_retention,
    nested_threadpoolctl_fork_crash,
    preprocess_worker_killed,
    ram_oom_train_worker,
    secondary_worker_message,
    swap_thrash,
    threadpoolctl_version,
    unpack_slow_or_oom,
    windows_spawn_commit,
)
CAUSES: dict[str, Diagnose] = {module.CAUSE: module.diagnose for module in MODULES}
PAGES: dict[str, str] = {module.CAUSE: module.__doc__ or "" for module in MODULES}

ORDER = ("confirmed", "likely", "possible", "excluded")


def diagnose(recording: Recording, episode: Episode) -> Diagnosis:
    """Every cause's verdict on one episode, best first, with the chain of who waits on whom."""
    evidence = collect(recording, episode)
    return Diagnosis(episode=episode, wait_chain=evidence.chain, verdicts=verdicts(evidence), facts=evidence.facts)


def verdicts(evidence: Evidence) -> tuple[Verdict, ...]:
    """Verdicts ranked: by grade, then score, then name."""
    all_verdicts = [judge(evidence) for judge in CAUSES.values()]
    return tuple(sorted(all_verdicts, key=lambda v: (ORDER.index(v.verdict), -v.score, v.cause)))


def diagnose_all(recording: Recording) -> tuple[Diagnosis, ...]:
    """A diagnosis for every episode: those that the supervisor recorded, else those that its ticks show."""
    episodes = recording.episodes() or detect(recording.ticks())
    return tuple(diagnose(recording, episode) for episode in episodes)
