"""What a training will take: processes, memory, shared memory, descriptors, disk, reads. Arithmetic only.

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
# Memory of its own of a forked data worker beside the batch in work: interpreter, pages that are written anew.
WORKER_BASE = 200 << 20
# Copies of a batch in a worker while it is cropped, bent and filtered; measured in docs/doctor.md.
WORKER_COPIES = 6
# The patch is cut larger, so that rotation finds voxels at its corners; about 1.2 times in two axes at most of three.
INITIAL_PATCH = 1.7
# The training's own process: imported libraries and CUDA's share of host memory.
MAIN_BASE_CUDA, MAIN_BASE_CPU = 3 << 30, 1 << 30
SHARED_FILES_OF_A_PROCESS = 12  # pipes, libraries' descriptors, log
COPIES_OF_CHECKPOINT = 4  # latest, best, final, and the one being written
OPTIMISER = 2  # SGD with momentum keeps a second number for each weight
# A step of a standard plan on a fast GPU: epochs of 250 steps take 30 to 60 s on an A100 by nnU-Net's own table.
STEP_S = 0.15
# Blocks of 128 KiB around a patch are read whole; stock reads about four times the voxels of the patch.
READ_FACTOR = 4
READ_AHEAD = 128 << 10


class Workers(NamedTuple):
    """Processes that make batches."""

    train: int
    validation: int
    asked: int | None  # nnUNet_n_proc_DA, where it is a number
    invalid: str | None = None

    @property
    def together(self) -> int:
        """All of them."""
        return self.train + self.validation

    @property
    def batches(self) -> int:
        """Batches that lie in shared memory when both queues are full and each worker has one in hand."""
        if not self.train:
            return 0
        return max(6, self.train // 2) + max(3, self.train // 4) + self.together


def workers(survey: Survey, asked: int | None = None) -> Workers:
    """The processes that nnU-Net will start here; ``asked`` overrides nnUNet_n_proc_DA."""
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
    """Processes of the final validation."""
    try:
        return max(1, int(survey.variables.get("nnUNet_def_n_proc", DEFAULT_EXPORT_WORKERS)))
    except ValueError:
        return DEFAULT_EXPORT_WORKERS


def batch_bytes(plan: Plan) -> int:
    """One batch on its way to the training."""
    voxels = plan.batch_size * prod(plan.patch_size)
    return int(voxels * (plan.channels * IMAGE_BYTES + TARGET_BYTES * DEEP_SUPERVISION))


def worker_bytes(plan: Plan) -> int:
    """Memory of its own that one data worker takes at its peak."""
    voxels = plan.batch_size * prod(plan.patch_size)
    return WORKER_BASE + int(WORKER_COPIES * INITIAL_PATCH * voxels * (plan.channels * IMAGE_BYTES + TARGET_BYTES))


def training_bytes(plan: Plan, those: Workers, device: str) -> int:
    """Memory of a whole training: its own process, its workers, and what lies in /dev/shm."""
    main = MAIN_BASE_CUDA if device == "cuda" else MAIN_BASE_CPU
    return main + those.together * worker_bytes(plan) + those.batches * batch_bytes(plan)


def descriptors(plan: Plan | None, those: Workers) -> int:
    """Files open in the training's own process, if every tensor in flight keeps one (torch's default on Linux)."""
    tensors = 1 + (plan.outputs if plan is not None else 6)
    return 100 + SHARED_FILES_OF_A_PROCESS * those.together + tensors * those.batches


def checkpoint_bytes(survey: Survey) -> int | None:
    """One checkpoint: what another fold's takes, else weights and momentum in single precision."""
    if survey.fold is not None and survey.fold.checkpoint_bytes:
        return survey.fold.checkpoint_bytes
    if survey.plan is None or survey.plan.parameters is None:
        return None
    return survey.plan.parameters * IMAGE_BYTES * OPTIMISER


def free_memory(survey: Survey) -> int | None:
    """What a training may take: the machine's available memory or the group's, whichever is less."""
    bounds = [survey.host.memory_available_bytes] if survey.host and survey.host.memory_available_bytes else []
    group = survey.cgroup
    if group is not None and group.memory_limit_bytes is not None:
        used = max(0, (group.memory_used_bytes or 0) - (group.memory_file_bytes or 0))
        bounds.append(max(0, group.memory_limit_bytes - used))
    return min(bounds, default=None)


def exports_that_fit(survey: Survey, free: int | None) -> int | None:
    """Export workers whose largest cases fit into memory at once; None where no case is known."""
    needs = [Need(worker, prediction) for _, worker, prediction in survey.files.export_needs] if survey.files else []
    if not needs:
        return None
    shared = survey.host
    room = shared.shm_total_bytes - (shared.shm_used_bytes or 0) if shared and shared.shm_total_bytes else None
    return affordable(needs, export_workers(survey), free, room)


class Reading(NamedTuple):
    """What a step reads from storage when nothing is in the page cache."""

    bytes_per_s: float
    reads_per_s: float


def reading(survey: Survey) -> Reading | None:
    """Bytes and small reads a second that keep a fast GPU busy; from the files' own size on disk."""
    plan, files = survey.plan, survey.files
    if plan is None or files is None or not files.stored_bytes or not files.voxels or not files.cases:
        return None
    stored_per_voxel = files.stored_bytes / files.voxels
    whole_case = files.stored_bytes / files.cases
    sample = min(whole_case, READ_FACTOR * prod(plan.patch_size) * stored_per_voxel)
    per_s = plan.batch_size / STEP_S
    return Reading(sample * per_s, max(3.0, sample / READ_AHEAD) * per_s)
