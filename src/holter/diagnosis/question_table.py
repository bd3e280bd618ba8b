"""The questions of ``holter ask``, and what each answer states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from holter.records import Message
from holter.sentences import define

Facts = Mapping[str, object]


class Choice(NamedTuple):
    """One answer, and the facts that it states."""

    words: Message
    facts: Facts


class Question(NamedTuple):
    """One question with its answers; "I do not know" is always one more."""

    key: str
    words: Message
    choices: tuple[Choice, ...]


ASKED = {
    key: define(key, english)
    for key, english in {
        "question.kind": "What happened?",
        "question.error": "Is there an error message, or a line like Killed?",
        "question.gpu": "What does the GPU do meanwhile (nvidia-smi)?",
        "question.cpu": "What do the CPUs do (top)?",
        "question.machine": "Where does the training run?",
        "question.vgpu": "Is it a virtual GPU (nvidia-smi -q, Virtualization Mode)?",
        "question.licence": "What does nvidia-smi -q say after License Status?",
        "question.when": "When does it happen?",
        "question.data": "Where is the data?",
        "question.memory": "How is the memory (free -h)?",
        "question.shm": "How large is /dev/shm (df -h /dev/shm)?",
        "question.workers": "Are there stopped or blocked workers (ps, column STAT)?",
        "question.others": "Who else uses this machine or GPU?",
        "question.gpus": "How many GPUs train together?",
        "question.disk": "Is a disk full (df -h)?",
        "question.console": "Does nnU-Net's training log go on while the console is silent?",
    }.items()
}
ANSWERED = {
    key: define(key, english)
    for key, english in {
        "answer.stall": "it stands still, no error",
        "answer.slow": "it became slow, or always was",
        "answer.death": "it ended",
        "answer.creep": "memory grows",
        "answer.nan": "the loss is NaN",
        "answer.unsaved": "it goes on, but checkpoints cannot be saved",
        "answer.killed": "Killed, or exit code 137 or -9",
        "answer.segfault": "Segmentation fault, or exit code 139 or -11",
        "answer.cuda-oom": "CUDA out of memory",
        "answer.no-space": "No space left on device, or Disk quota exceeded",
        "answer.shared-memory": "Bus error, or shared memory (shm, /torch_...)",
        "answer.host-memory": "MemoryError, or Cannot allocate memory",
        "answer.assert": "device-side assert triggered",
        "answer.descriptors": "Too many open files",
        "answer.driver": "no kernel image, driver too old, or NVML",
        "answer.gpu-lost": "GPU is lost, fallen off the bus, or Xid",
        "answer.nccl": "NCCL timeout, or Watchdog",
        "answer.truncated": "a file is truncated or broken",
        "answer.compile": "torch.compile, inductor, triton or a C compiler",
        "answer.in-worker": "a Python error in a data worker",
        "answer.python-error": "another Python error",
        "answer.worker-dead": "only that background workers are no longer alive",
        "answer.gpu-idle": "0 %, or nearly",
        "answer.gpu-jumps": "it jumps between 0 and 100 %",
        "answer.gpu-full": "100 %",
        "answer.gpu-hot": "it is hot (over 85 °C) or its clock is low",
        "answer.cpu-idle": "idle",
        "answer.cpu-busy": "the training uses all of them",
        "answer.cpu-wait": "wa is high, or processes are in state D",
        "answer.cpu-others": "other programs use them",
        "answer.linux": "Linux, on the machine itself",
        "answer.docker": "Docker or another container",
        "answer.wsl": "WSL2",
        "answer.windows": "Windows",
        "answer.slurm": "a Slurm job",
        "answer.vgpu-yes": "yes, VGPU",
        "answer.pass-through": "no: pass-through, or a machine of its own",
        "answer.licensed": "Licensed",
        "answer.unlicensed": "Unlicensed",
        "answer.after-minutes": "after about 15 to 40 minutes, every time",
        "answer.from-start": "from the start on",
        "answer.at-random": "at random",
        "answer.at-validation": "in the final validation",
        "answer.local-ssd": "on a local SSD",
        "answer.local-hdd": "on a hard disk or USB disk",
        "answer.network": "on NFS or another network drive",
        "answer.memory-free": "much is free",
        "answer.memory-full": "nearly full",
        "answer.swapping": "swap is used a lot",
        "answer.shm-small": "64 MB",
        "answer.shm-full": "it is full",
        "answer.shm-large": "several GB, and mostly free",
        "answer.worker-t": "one or more are in T",
        "answer.worker-d": "one or more are in D",
        "answer.workers-none": "none",
        "answer.others-none": "nobody",
        "answer.others-cpu": "others use the CPUs",
        "answer.others-gpu": "others use the GPU",
        "answer.one": "one",
        "answer.several": "two or more",
        "answer.disk-full": "yes",
        "answer.disk-fine": "no",
        "answer.log-goes-on": "yes",
        "answer.log-stops": "no",
    }.items()
}
_TABLE: tuple[tuple[str, tuple[tuple[str, Facts], ...]], ...] = (
    (
        "kind",
        (
            ("stall", {"episode.kind": "stall"}), ("slow", {"episode.kind": "slow-down"}),
            ("death", {"episode.kind": "death"}), ("creep", {"episode.kind": "creep"}),
            ("nan", {"episode.kind": "diverged", "loss.not_finite": ["train_loss"]}),
            ("unsaved", {"episode.kind": "unsaved"}),
        ),
    ),
    (
        "error",
        (
            ("killed", {"main.exit_signal": 9}), ("segfault", {"main.exit_signal": 11}),
            ("cuda-oom", {"exception.kind": "cuda-oom", "exception.cuda_oom": True}),
            ("no-space", {"exception.kind": "no-space", "disk.error": "full"}),
            ("shared-memory", {"shm.trouble": "no-room"}),
            ("host-memory", {"exception.kind": "memory"}),
            ("assert", {"exception.kind": "cuda-assert"}),
            ("descriptors", {"exception.kind": "descriptors"}),
            ("driver", {"exception.kind": "cuda-mismatch"}),
            ("gpu-lost", {"exception.kind": "gpu-lost"}),
            ("nccl", {"exception.kind": "nccl-timeout"}),
            ("truncated", {"exception.truncated_file": True}),
            ("compile", {"exception.kind": "compile"}),
            ("in-worker", {"exception.role": "train-worker", "exception.kind": "other"}),
            ("python-error", {"exception.role": "main", "exception.kind": "other"}),
            ("worker-dead", {"echo.says": "training"}),
        ),
    ),
    (
        "gpu",
        (
            ("gpu-idle", {"gpu.utilization_ratio": 0.0}),
            ("gpu-jumps", {"symptoms": ["gpu-use-fluctuates"]}),
            ("gpu-full", {"gpu.utilization_ratio": 1.0}),
            ("gpu-hot", {"gpu.throttled": True}),
        ),
    ),
    (
        "cpu",
        (
            ("cpu-idle", {"cpu.run_busy_ratio": 0.02, "activity.present": False}),
            ("cpu-busy", {"cpu.run_busy_ratio": 0.98, "activity.present": True}),
            ("cpu-wait", {"symptoms": ["waits-for-disk"]}),
            ("cpu-others", {"host.others_cpu_ratio": 0.8}),
        ),
    ),
    (
        "machine",
        (
            ("linux", {"system.os": "linux", "system.container": "none", "system.virtual_machine": "none"}),
            ("docker", {"system.os": "linux", "system.container": "docker"}),
            ("wsl", {"system.virtual_machine": "wsl"}), ("windows", {"system.os": "windows"}),
            ("slurm", {"system.os": "linux"}),
        ),
    ),
    (
        "vgpu",
        (("vgpu-yes", {"gpu.virtualization": "vgpu"}), ("pass-through", {"gpu.virtualization": "pass-through"})),
    ),
    ("licence", (("licensed", {"gpu.licence_text": "Licensed"}), ("unlicensed", {"gpu.licence_text": "Unlicensed"}))),
    (
        "when",
        (
            ("after-minutes", {"epochs.shape": "step-up", "epochs.minutes_to_change": 20.0}),
            ("from-start", {"epochs.shape": "flat", "symptoms": ["slow-from-start"]}), ("at-random", {}),
            ("at-validation", {"phase": "final-validation"}),
        ),
    ),
    (
        "data",
        (
            ("local-ssd", {"storage.fs_type": "ext4"}), ("local-hdd", {"symptoms": ["slow-disk"]}),
            ("network", {"storage.fs_type": "nfs4", "symptoms": ["slow-disk"]}),
        ),
    ),
    (
        "memory",
        (
            ("memory-free", {"memory.used_ratio": 0.3}), ("memory-full", {"memory.used_ratio": 0.97}),
            ("swapping", {"symptoms": ["swap-full"]}),
        ),
    ),
    (
        "shm",
        (
            ("shm-small", {"shm.total_bytes": 67108864}), ("shm-full", {"shm.used_ratio": 1.0}),
            ("shm-large", {"shm.used_ratio": 0.05, "shm.total_bytes": 16e9}),
        ),
    ),
    (
        "workers",
        (
            ("worker-t", {"workers.stopped": ["worker"]}), ("worker-d", {"workers.blocked": ["worker"]}),
            ("workers-none", {"workers.stopped": [], "workers.blocked": []}),
        ),
    ),
    (
        "others",
        (
            ("others-none", {"host.others_cpu_ratio": 0.0, "gpu.foreign_processes": []}),
            ("others-cpu", {"symptoms": ["others-use-cpu"]}), ("others-gpu", {"symptoms": ["others-use-gpu"]}),
        ),
    ),
    ("gpus", (("one", {"ddp.ranks": 1}), ("several", {"ddp.ranks": 2, "scope.ranks": True}))),
    ("disk", (("disk-full", {"disk.full": True, "disk.error": "full"}), ("disk-fine", {"disk.full": False}))),
    (
        "console",
        (
            ("log-goes-on", {"output.hidden": True, "progress.resumed": True}),
            ("log-stops", {"output.hidden": False}),
        ),
    ),
)  # fmt: skip
QUESTIONS = tuple(
    Question(
        key,
        ASKED[f"question.{key}"](),
        tuple(Choice(ANSWERED[f"answer.{name}"](), facts) for name, facts in choices),
    )
    for key, choices in _TABLE
)
