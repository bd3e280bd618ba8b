"""Allowed values of facts with a short list of values. An evidence file is checked against ``CHOICES``."""

from __future__ import annotations

from typing import get_args

from holter.evidence.error_kinds import KINDS, OTHER
from holter.evidence.facts.training.standing import KINDS as KINDS_OF_STANDING
from holter.evidence.owners import OWNERS
from holter.evidence.series import Shape
from holter.records import EpisodeKind, Phase, Role

_FILL = ("empty", "some", "full")

CHOICES: dict[str, tuple[str, ...]] = {
    "episode.kind": get_args(EpisodeKind),
    "phase": get_args(Phase),
    "main.waits_on": (
        "batch-queue", "native-call", "export-result", "export-slot", "file-read", "checkpoint", "python",
    ),
    "main.state": ("R", "S", "D", "T", "t", "Z", "X", "I"),
    "queue.ready": _FILL,
    "queue.worker": _FILL,
    "results_loop.waits_on": ("worker-queue", "tensor-hand-over", "ready-queue"),
    "exception.role": get_args(Role),
    "exception.kind": (*KINDS, OTHER),
    "shm.trouble": ("bus-error", "no-room"),
    "disk.error": ("full", "inodes", "quota", "read-only"),
    "gpu.shared": ("slow", "memory"),
    "main.stands_in": tuple(KINDS_OF_STANDING),
    "workers.stand_in": tuple(KINDS_OF_STANDING),
    "main.stands_owner": tuple(OWNERS),
    "limit.reached": ("cpu-time", "file-size", "address-space", "processes"),
    "results.gone": ("deleted", "replaced"),
    "gpu.virtualization": ("none", "pass-through", "vgpu", "host-vgpu", "host-vsga"),
    "gpu.licence_stage": ("licensed", "unlicensed-unrestricted", "unlicensed-restricted", "unlicensed"),
    "echo.says": ("training", "export", "prediction", "preprocessing"),
    "epochs.shape": get_args(Shape),
    "system.os": ("linux", "windows", "macos"),
    "system.container": ("docker", "podman", "apptainer", "kubernetes", "lxc", "none"),
    "system.virtual_machine": ("kvm", "vmware", "microsoft", "wsl", "xen", "virtualbox", "unnamed", "none"),
}  # fmt: skip

# Short lists that evidence files need not follow.
OPEN_CHOICES: dict[str, tuple[str, ...]] = {
    "worker.role": get_args(Role),
    "memory.grows_in": ("main", "workers", "both", "none"),
    "loss.not_finite": ("train_loss", "val_loss"),
    "gpu.trouble": ("lost", "hung", "silent", "forbidden", "mismatch", "closed"),
    "gpu.xid_kind": ("gone", "memory", "application", "other"),
    "gpu.clock_reasons": (
        "gpu-idle", "applications-clocks-setting", "sw-power-cap", "hw-slowdown", "sync-boost", "sw-thermal-slowdown",
        "hw-thermal-slowdown", "hw-power-brake-slowdown", "display-clock-setting", "board-limit", "reliability",
    ),
    "software.slow_kernels": ("conv3d-without-cudnn", "conv3d-without-tensor-cores", "none"),
    "system.gpu_iommu": ("translated", "pass-through", "none"),
    "compile.missing": (
        "compiler", "old-compiler", "python-headers", "triton", "linker", "ptxas", "cache", "windows",
    ),
}  # fmt: skip
ENUMERATED: dict[str, tuple[str, ...]] = {**CHOICES, **OPEN_CHOICES}
