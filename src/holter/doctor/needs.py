"""Estimate the needs of a training: processes, memory, shared memory, descriptors, disk, reads. Arithmetic only.

nnU-Net 2.8.1 starts ``n = min(nnUNet_n_proc_DA or 12, os.cpu_count())`` processes for training batches and
``max(1, n // 2)`` for validation batches. Their queues hold ``max(6, n // 2)`` and ``max(3, n // 4)`` batches.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from holter.doctor.records import Plan, Survey
from holter.hook.exports.worker_memory import Need, affordable

DEFAULT_WORKERS = 12
DEFAULT_EXPORT_WORKERS = 8
IMAGE_BYTES, TARGET_BYTES = 4, 2  # float32 and int16 voxels of a batch
# Lower resolutions of the target for deep supervision together are a seventh of the first: 1/8 + 1/64 + ...
DEEP_SUPERVISION = 8 / 7
# Private memory of a forked data worker beside the present batch: interpreter, pages that are written again.
WORKER_BASE = 200 << 20
# Copies of a batch in a worker while it is cropped, bent and filtered; measured in docs/doctor.md.
WORKER_COPIES = 6
# The patch is cut larger, so that rotation has voxels at its corners: about 1.2 times, in at most two of three axes.
INITIAL_PATCH = 1.7
# The training's own process: imported libraries and CUDA's share of host memory.
MAIN_BASE_CUDA, MAIN_BASE_CPU = 3 << 30, 1 << 30
SHARED_FILES_OF_A_PROCESS = 12  # pipes, libraries' descriptors, log
COPIES_OF_CHECKPOINT = 4  # latest, best, final, and one being written
OPTIMISER = 2  # SGD with momentum keeps a second number for each weight
# A step of a standard plan on a fast GPU: epochs of 250 steps take 30 to 60 s on an A100 by nnU-Net's own table.
STEP_S = 0.15
# Blocks of 128 KiB around a patch are read in full; stock reads about four times the voxels of the patch.
READ_FACTOR = 4
READ_AHEAD = 128 << 10


class Workers(NamedTuple):
    """Numbers of processes that make batches."""

    train: int
    validation: int
    asked: int | None  # nnUNet_n_proc_DA, if it is a number
    invalid: str | None = None

    @property
    def together(self) -> int:
        """The number of workers for training and validation together."""
        return self.train + self.validation

    @property
    def batches(self) -> int:
        """Batches in shared memory when both queues are full and each worker has one more."""
        if not self.train:
            return 0
        return max(6, self.train // 2) + max(3, self.train // 4) + self.together


def workers(survey: Survey, asked: int | None = None) -> Workers:
    """Return the processes that nnU-Net will start here; ``asked`` overrides nnUNet_n_proc_DA."""
    text = survey.variables.get("nnUNet_n_proc_DA")
    invalid = None
    if asked is None and text is not None:
        try:
            asked = int(text)
        except ValueError:
            invalid = text
    count = survey.software.cpu_count or (survey.host.cpu_count if survey.host else None)
    train = max(0, min(DEFAULT_WORKERS if asked is None else asked, count or DEFAULT_WORKERS))
    return Workers(train, max(1, train // 2) if train else 0, asked, invalid)


def export_workers(survey: Survey) -> int:
    """Return the number of processes of the final validation."""
    try:
        return max(1, int(survey.variables.get("nnUNet_def_n_proc", DEFAULT_EXPORT_WORKERS)))
    except ValueError:
        return DEFAULT_EXPORT_WORKERS


def batch_bytes(plan: Plan) -> int:
    """Return the bytes of one batch in the form that workers send to the training process."""
    voxels = plan.batch_size * prod(plan.patch_size)
    return int(voxels * (plan.channels * IMAGE_BYTES + TARGET_BYTES * DEEP_SUPERVISION))


def worker_bytes(plan: Plan) -> int:
    """Return the private memory of one data worker at its peak, in bytes."""
    voxels = plan.batch_size * prod(plan.patch_size)
    return WORKER_BASE + int(WORKER_COPIES * INITIAL_PATCH * voxels * (plan.channels * IMAGE_BYTES + TARGET_BYTES))


def training_bytes(plan: Plan, processes: Workers, device: str) -> int:
    """Return the memory of a whole training in bytes: its own process, its workers, and /dev/shm."""
    main = MAIN_BASE_CUDA if device == "cuda" else MAIN_BASE_CPU
    return main + processes.together * worker_bytes(plan) + processes.batches * batch_bytes(plan)


def descriptors(plan: Plan | None, processes: Workers) -> int:
    """Return how many files the main process holds open, if each tensor in a queue keeps one.

    That is torch's default on Linux.
    """
    tensors = 1 + (plan.outputs if plan is not None else 6)
    return 100 + SHARED_FILES_OF_A_PROCESS * processes.together + tensors * processes.batches


def checkpoint_bytes(survey: Survey) -> int | None:
    """Return the bytes of one checkpoint: the size of another fold's, if there is one.

    Else it is estimated as weights and momentum in float32; None if the number of weights is not known.
    """
    if survey.fold is not None and survey.fold.checkpoint_bytes:
        return survey.fold.checkpoint_bytes
    if survey.plan is None or survey.plan.parameters is None:
        return None
    return survey.plan.parameters * IMAGE_BYTES * OPTIMISER


def free_memory(survey: Survey) -> int | None:
    """Return the free bytes of the machine or of the control group, whichever is less; None if neither is known."""
    bounds = [survey.host.memory_available_bytes] if survey.host and survey.host.memory_available_bytes else []
    group = survey.cgroup
    if group is not None and group.memory_limit_bytes is not None:
        bounds.append(group.memory_limit_bytes if group.memory_free_bytes is None else group.memory_free_bytes)
    return min(bounds, default=None)


def exports_that_fit(survey: Survey, free: int | None) -> int | None:
    """Return how many export workers fit into memory with their largest cases; None if no case is known."""
    needs = [Need(worker, prediction) for _, worker, prediction in survey.files.export_needs] if survey.files else []
    if not needs:
        return None
    shared = survey.host
    free_shared = shared.shm_total_bytes - (shared.shm_used_bytes or 0) if shared and shared.shm_total_bytes else None
    return affordable(needs, export_workers(survey), free, free_shared)


class Reading(NamedTuple):
    """The reads from storage that a training needs if nothing is in the page cache."""

    bytes_per_s: float
    reads_per_s: float


def reading(survey: Survey) -> Reading | None:
    """Return bytes and small reads per second that keep a fast GPU busy, from the size of the files on disk."""
    plan, files = survey.plan, survey.files
    if plan is None or files is None or not files.stored_bytes or not files.voxels or not files.cases:
        return None
    stored_per_voxel = files.stored_bytes / files.voxels
    whole_case = files.stored_bytes / files.cases
    sample = min(whole_case, READ_FACTOR * prod(plan.patch_size) * stored_per_voxel)
    per_s = plan.batch_size / STEP_S
    return Reading(sample * per_s, max(3.0, sample / READ_AHEAD) * per_s)
