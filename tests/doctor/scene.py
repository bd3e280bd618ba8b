"""A machine on which everything is well, to be spoilt in one place at a time."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from holter.doctor.checks import examine
from holter.doctor.records import Asked, Files, Fold, Folder, Machine, Plan, Result, Software, Survey
from holter.records import CgroupSample, Environment, GpuSample, HostSample

GIB = 1 << 30
VARIABLES = (
    ("nnUNet_n_proc_DA", "12"),
    ("nnUNet_preprocessed", "/data/preprocessed"),
    ("nnUNet_raw", "/data/raw"),
    ("nnUNet_results", "/data/results"),
)
PACKAGES = (
    ("batchgenerators", "0.25.5"),
    ("nnunetv2", "2.8.1"),
    ("numpy", "2.1.0"),
    ("threadpoolctl", "3.5.0"),
    ("torch", "2.8.0"),
    ("triton", "3.4.0"),
)
GPU = GpuSample(
    t_s=0.0,
    index=0,
    name="NVIDIA A100-SXM4-40GB",
    driver="550.90.07",
    memory_used_bytes=GIB // 2,
    memory_total_bytes=40 * GIB,
    temperature_c=35,
    clock_reasons=("gpu-idle",),
    ecc_uncorrected_total=0,
    pcie_width=16,
    pcie_width_max=16,
    processes=(),
    mig=False,
    virtualization="none",
)
PLAN = Plan(
    patch_size=(128, 128, 128),
    batch_size=2,
    spacing=(1.0, 1.0, 1.0),
    transpose_forward=(0, 1, 2),
    labels=(0, 1, 2),
    heads=3,
    parameters=30_000_000,
    outputs=5,
    cases=100,
    folds=5,
)
FILES = Files(
    folder="/data/preprocessed/Dataset001_Well/plans",
    cases=100,
    files=300,
    lengths_checked=300,
    read_whole=300,
    labels=(-1, 0, 1, 2),
    segmentations_read=100,
    stored_bytes=20 * GIB,
    voxels=100 * 256**3,
    export_needs=tuple((f"case_{number}", 2 * GIB, GIB // 4) for number in range(100)),
)


def folder(label: str, **fields: Any) -> Folder:
    """A quick, roomy, writable one."""
    well = Folder(
        label=label,
        path=f"/data/{label}",
        exists=True,
        mount_point="/data",
        fs_type="ext4",
        rotational=False,
        free_bytes=500 * GIB,
        total_bytes=1000 * GIB,
        free_inodes=10_000_000,
        read_only=False,
        no_exec=False,
        readable=True,
        written=True,
        clock_skew_s=0.0,
        read_latency_s=1e-4,
        read_latency_p95_s=2e-4,
        read_bytes_per_s=2.0 * GIB,
        reads=200,
        cached=False,
    )
    return msgspec.structs.replace(well, **fields)


def well() -> Survey:
    """Sixteen cores, 128 GiB, one A100, a sound data set."""
    return Survey(
        asked=Asked(dataset="Dataset001_Well", configuration="3d_fullres"),
        machine=Machine(
            uptime_s=86400.0,
            clock_synchronised=True,
            clock_error_s=0.1,
            files_soft_limit=65536,
            files_hard_limit=65536,
            processes_soft_limit=100_000,
            user_tasks=200,
            taken_unix_s=time.time(),
        ),
        environment=Environment(
            wall_start="2026-01-01T00:00:00+00:00", container="none", virtual_machine="none", variables=VARIABLES
        ),
        host=HostSample(
            t_s=1.0,
            cpu_count=16,
            cpu_busy_ratio=0.05,
            memory_total_bytes=128 * GIB,
            memory_available_bytes=120 * GIB,
            swap_total_bytes=0,
            shm_total_bytes=64 * GIB,
            shm_used_bytes=0,
            clock_source="tsc",
        ),
        cgroup=CgroupSample(t_s=0.0, version="v2", effective_cpus=16.0, affinity_cpus=16),
        gpus=(GPU,),
        software=Software(
            python="3.11.7",
            executable="/env/bin/python",
            packages=PACKAGES,
            cpu_count=16,
            torch_cuda="12.8",
            cudnn=91002,
            cuda_works=True,
            architectures=("sm_80", "sm_90", "compute_90"),
            capabilities=(("NVIDIA A100-SXM4-40GB", 8, 0),),
            numpy_bridge=True,
            unwrapped=(("workers", ()), ("steps", ()), ("checkpoints", ())),
            compiler="/usr/bin/gcc",
            compiler_version="12",
            python_header=True,
        ),
        folders=tuple(folder(label) for label in ("preprocessed", "results", "tmp", "triton-cache")),
        plan=PLAN,
        files=FILES,
        fold=Fold(folder="/data/results/fold_0", lock="none"),
        neighbours=(),
        took_s=10.0,
    )


def spoil(survey: Survey, part: str, **fields: Any) -> Survey:
    """The survey with some fields of one of its records changed."""
    if part == "survey":
        return msgspec.structs.replace(survey, **fields)
    if part == "gpu":
        return msgspec.structs.replace(survey, gpus=(msgspec.structs.replace(survey.gpus[0], **fields),))
    if part.startswith("folder:"):
        label = part.partition(":")[2]
        changed = tuple(
            msgspec.structs.replace(folder, **fields) if folder.label == label else folder for folder in survey.folders
        )
        return msgspec.structs.replace(survey, folders=changed)
    return msgspec.structs.replace(survey, **{part: msgspec.structs.replace(getattr(survey, part), **fields)})


def with_variables(survey: Survey, **variables: str | None) -> Survey:
    """The survey with environment variables set, or unset where None."""
    told = {**dict(VARIABLES), **variables}
    return spoil(
        survey, "environment", variables=tuple((name, value) for name, value in told.items() if value is not None)
    )


def said(survey: Survey, check: str) -> Result:
    """What one check says."""
    return next(result for result in examine(survey).results if result.check == check)
