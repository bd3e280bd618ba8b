"""The values of facts with a short list of values, and their words in reports (``choice.FACT.VALUE``).

Phases, roles, kinds of episodes and places where a process is stuck have their own words (``reports/choices.py``). An
evidence file is checked against ``CHOICES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from holter.evidence.error_kinds import KINDS, OTHER
from holter.evidence.facts.training.standing import KINDS as KINDS_OF_STANDING
from holter.evidence.owners import OWNERS
from holter.evidence.series import Shape
from holter.records import EpisodeKind, Phase, Role
from holter.sentences import define_all

# The same for every fact: ``choice.VALUE``.
SHARED = ("none", "empty", "some", "full")
_FILL = ("empty", "some", "full")
# By fact and value; None: the word that is the same for every fact.
WORDS: dict[str, Mapping[str, str | None]] = {
    "main.waits_on": {
        "batch-queue": "the batch queue",
        "native-call": "a native call",
        "export-result": "the result of an export",
        "export-slot": "a free export worker",
        "file-read": "reading a file",
        "checkpoint": "a checkpoint",
        "python": "Python code",
    },
    "main.state": {
        "R": "running (R)",
        "S": "sleeping (S)",
        "D": "waiting for storage (D)",
        "T": "stopped (T)",
        "t": "stopped by a debugger (t)",
        "Z": "ended, not yet reaped (Z)",
        "X": "dead (X)",
        "I": "idle (I)",
    },
    "results_loop.waits_on": {
        "worker-queue": "the workers' queue",
        "tensor-hand-over": "a tensor that is handed over",
        "ready-queue": "space in the queue of ready batches",
    },
    "exception.kind": {
        "nccl-timeout": "timeout of NCCL",
        "pinned-memory": "page-locked memory",
        "cuda-oom": "out of GPU memory",
        "compile": "compilation",
        "cuda-assert": "assertion on the GPU",
        "cuda-refused": "GPU refused",
        "gpu-lost": "GPU lost",
        "cuda-unclear": "unclear CUDA error",
        "gpu-missing": "no GPU",
        "cuda-mismatch": "driver and CUDA do not fit",
        "cpu-torch": "PyTorch for the CPU alone",
        "gpu-number": "wrong GPU number",
        "cudnn": "cuDNN",
        "nccl": "NCCL",
        "cuda-other": "other CUDA error",
        "descriptors": "too many open files",
        "shared-memory": "shared memory",
        "windows-commit": "commit limit of Windows",
        "no-space": "no space",
        "memory": "out of memory",
        "mount-write": "a mount refuses to write",
        "remote-file-system": "remote file system",
        "checkpoint-refused": "checkpoint refused",
        "checkpoint-broken": "broken checkpoint",
        "no-paths": "nnU-Net's folders are not set",
        "label-range": "a label without a class",
        "dataset-unknown": "no data set of this number",
        "dataset-ambiguous": "two data sets of one number",
        "no-configuration": "no such configuration",
        "no-trainer": "no such trainer",
        "no-plans": "no plans",
        "not-preprocessed": "not preprocessed",
        "no-pretrained": "no pretrained weights",
        "unfinished": "training not finished",
        "arguments": "command line not accepted",
        "unpack-race": "unpacked files deleted by another training",
        "splits": "splits file",
        "json": "JSON file",
        "threadpoolctl": "threadpoolctl",
        "spawn": "start of a process",
        "plot": "drawing the network",
        "blosc2-version": "version of blosc2",
        "other": "other",
    },
    "shm.trouble": {"bus-error": "SIGBUS while it was full", "no-room": "no space"},
    "disk.error": {"full": "full", "inodes": "no inodes left", "quota": "quota used up", "read-only": "read-only"},
    "gpu.shared": {"slow": "slower steps", "memory": "too little GPU memory"},
    "limit.reached": {
        "cpu-time": "CPU time",
        "file-size": "file size",
        "address-space": "address space",
        "processes": "number of processes and threads",
    },
    "results.gone": {"deleted": "deleted", "replaced": "replaced by another folder"},
    "gpu.virtualization": {
        "none": None,
        "pass-through": "pass-through",
        "vgpu": "vGPU",
        "host-vgpu": "host of vGPUs",
        "host-vsga": "host of vSGA",
    },
    "gpu.licence_stage": {
        "licensed": "licensed",
        "unlicensed-unrestricted": "unlicensed, not yet restricted",
        "unlicensed-restricted": "unlicensed, restricted",
        "unlicensed": "unlicensed",
    },
    "echo.says": {
        "training": "training",
        "export": "export",
        "prediction": "prediction",
        "preprocessing": "preprocessing",
    },
    "epochs.shape": {
        "flat": "flat",
        "step-up": "step up",
        "step-down": "step down",
        "drift-up": "drift up",
        "decreasing": "decreasing",
        "periodic": "periodic",
        "heavy-tail": "a few very long ones",
        "first-only": "only the first one long",
    },
    "system.os": {"linux": "Linux", "windows": "Windows", "macos": "macOS"},
    "system.container": {
        "docker": "Docker",
        "podman": "Podman",
        "apptainer": "Apptainer",
        "kubernetes": "Kubernetes",
        "lxc": "LXC",
        "none": None,
    },
    "system.virtual_machine": {
        "kvm": "KVM",
        "vmware": "VMware",
        "microsoft": "Hyper-V",
        "wsl": "WSL",
        "xen": "Xen",
        "virtualbox": "VirtualBox",
        "unnamed": "of an unknown kind",
        "none": None,
    },
}
# Evidence files need not follow these.
OPEN_WORDS: dict[str, Mapping[str, str | None]] = {
    "memory.grows_in": {
        "main": "the main process",
        "workers": "the workers",
        "both": "main process and workers",
        "none": None,
    },
    "loss.not_finite": {"train_loss": "training loss", "val_loss": "validation loss"},
    "gpu.trouble": {
        "lost": "lost",
        "hung": "hung",
        "silent": "silent",
        "forbidden": "access forbidden",
        "mismatch": "versions of driver and library differ",
        "closed": "the driver lists no GPU",
    },
    "gpu.xid_kind": {
        "gone": "the GPU stopped",
        "memory": "broken GPU memory",
        "application": "error of a program",
        "other": "other",
    },
    "gpu.clock_reasons": {
        "gpu-idle": "idle",
        "applications-clocks-setting": "clock set by an application",
        "sw-power-cap": "power limit (software)",
        "hw-slowdown": "hardware slowdown",
        "sync-boost": "sync boost",
        "sw-thermal-slowdown": "heat (software)",
        "hw-thermal-slowdown": "heat (hardware)",
        "hw-power-brake-slowdown": "power brake (hardware)",
        "display-clock-setting": "display clock",
        "board-limit": "limit of the board",
        "reliability": "reliability",
    },
    "software.slow_kernels": {
        "conv3d-without-cudnn": "3D convolutions without cuDNN",
        "conv3d-without-tensor-cores": "3D convolutions without tensor cores",
        "none": None,
    },
    "system.gpu_iommu": {"translated": "translated", "pass-through": "pass-through", "none": None},
    "compile.missing": {
        "compiler": "a compiler",
        "old-compiler": "a newer compiler",
        "python-headers": "the headers of Python",
        "triton": "Triton",
        "linker": "a library for the linker",
        "ptxas": "ptxas",
        "cache": "a cache folder that can be written",
        "windows": "support for Windows",
    },
}
define_all({f"choice.{word}": word for word in SHARED})
define_all(
    {
        f"choice.{fact}.{value}": word
        for fact, words in (WORDS | OPEN_WORDS).items()
        for value, word in words.items()
        if word is not None
    }
)

CHOICES: dict[str, tuple[str, ...]] = {
    **{fact: tuple(words) for fact, words in WORDS.items()},
    "episode.kind": get_args(EpisodeKind),
    "phase": get_args(Phase),
    "queue.ready": _FILL,
    "queue.worker": _FILL,
    "exception.role": get_args(Role),
    "exception.kind": (*KINDS, OTHER),
    "main.stands_in": tuple(KINDS_OF_STANDING),
    "workers.stand_in": tuple(KINDS_OF_STANDING),
    "main.stands_owner": tuple(OWNERS),
    "epochs.shape": get_args(Shape),
}
ENUMERATED: dict[str, tuple[str, ...]] = {
    **CHOICES,
    **{fact: tuple(words) for fact, words in OPEN_WORDS.items()},
    "worker.role": get_args(Role),
}
