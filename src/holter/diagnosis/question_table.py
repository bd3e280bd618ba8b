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


_TABLE: tuple[tuple[str, str, tuple[tuple[str, str, Facts], ...]], ...] = (
    ("kind", "What happened?", (
        ("stall", "it stands still, no error", {"episode.kind": "stall"}),
        ("slow", "it became slow, or always was", {"episode.kind": "slow-down"}),
        ("death", "it ended", {"episode.kind": "death"}),
        ("creep", "memory grows", {"episode.kind": "creep"}),
        ("nan", "the loss is NaN", {"episode.kind": "diverged", "loss.not_finite": ["train_loss"]}),
        ("unsaved", "it goes on, but checkpoints cannot be saved", {"episode.kind": "unsaved"}),
    )),
    ("error", "Is there an error message, or a line like Killed?", (
        ("killed", "Killed, or exit code 137 or -9", {"main.exit_signal": 9}),
        ("segfault", "Segmentation fault, or exit code 139 or -11", {"main.exit_signal": 11}),
        ("cuda-oom", "CUDA out of memory", {"exception.kind": "cuda-oom", "exception.cuda_oom": True}),
        ("no-space", "No space left on device, or Disk quota exceeded",
         {"exception.kind": "no-space", "disk.error": "full"}),
        ("shared-memory", "Bus error, or shared memory (shm, /torch_...)", {"shm.trouble": "no-room"}),
        ("host-memory", "MemoryError, or Cannot allocate memory", {"exception.kind": "memory"}),
        ("assert", "device-side assert triggered", {"exception.kind": "cuda-assert"}),
        ("descriptors", "Too many open files", {"exception.kind": "descriptors"}),
        ("driver", "no kernel image, driver too old, or NVML", {"exception.kind": "cuda-mismatch"}),
        ("gpu-lost", "GPU is lost, fallen off the bus, or Xid", {"exception.kind": "gpu-lost"}),
        ("nccl", "NCCL timeout, or Watchdog", {"exception.kind": "nccl-timeout"}),
        ("truncated", "a file is truncated or broken", {"exception.truncated_file": True}),
        ("compile", "torch.compile, inductor, triton or a C compiler", {"exception.kind": "compile"}),
        ("in-worker", "a Python error in a data worker",
         {"exception.role": "train-worker", "exception.kind": "other"}),
        ("python-error", "another Python error", {"exception.role": "main", "exception.kind": "other"}),
        ("worker-dead", "only that background workers are no longer alive", {"echo.says": "training"}),
    )),
    ("gpu", "What does the GPU do meanwhile (nvidia-smi)?", (
        ("gpu-idle", "0 %, or nearly", {"gpu.utilization_ratio": 0.0}),
        ("gpu-jumps", "it jumps between 0 and 100 %", {"symptoms": ["gpu-use-fluctuates"]}),
        ("gpu-full", "100 %", {"gpu.utilization_ratio": 1.0}),
        ("gpu-hot", "it is hot (over 85 °C) or its clock is low", {"gpu.throttled": True}),
    )),
    ("cpu", "What do the CPUs do (top)?", (
        ("cpu-idle", "idle", {"cpu.run_busy_ratio": 0.02, "activity.present": False}),
        ("cpu-busy", "the training uses all of them", {"cpu.run_busy_ratio": 0.98, "activity.present": True}),
        ("cpu-wait", "wa is high, or processes are in state D", {"symptoms": ["waits-for-disk"]}),
        ("cpu-others", "other programs use them", {"host.others_cpu_ratio": 0.8}),
    )),
    ("machine", "Where does the training run?", (
        ("linux", "Linux, on the machine itself",
         {"system.os": "linux", "system.container": "none", "system.virtual_machine": "none"}),
        ("docker", "Docker or another container", {"system.os": "linux", "system.container": "docker"}),
        ("wsl", "WSL2", {"system.virtual_machine": "wsl"}),
        ("windows", "Windows", {"system.os": "windows"}),
        ("slurm", "a Slurm job", {"system.os": "linux"}),
    )),
    ("vgpu", "Is it a virtual GPU (nvidia-smi -q, Virtualization Mode)?", (
        ("vgpu-yes", "yes, VGPU", {"gpu.virtualization": "vgpu"}),
        ("pass-through", "no: pass-through, or a machine of its own", {"gpu.virtualization": "pass-through"}),
    )),
    ("licence", "What does nvidia-smi -q say after License Status?", (
        ("licensed", "Licensed", {"gpu.licence_text": "Licensed"}),
        ("unlicensed-restricted", "Unlicensed (Restricted)", {"gpu.licence_text": "Unlicensed (Restricted)"}),
        ("unlicensed-unrestricted", "Unlicensed (Unrestricted)", {"gpu.licence_text": "Unlicensed (Unrestricted)"}),
        ("unlicensed", "Unlicensed", {"gpu.licence_text": "Unlicensed"}),
    )),
    ("when", "When does it happen?", (
        ("after-minutes", "after about 15 to 40 minutes, every time",
         {"epochs.shape": "step-up", "epochs.minutes_to_change": 20.0}),
        ("from-start", "from the start on", {"epochs.shape": "flat", "symptoms": ["slow-from-start"]}),
        ("at-random", "at random", {}),
        ("at-validation", "in the final validation", {"phase": "final-validation"}),
    )),
    ("data", "Where is the data?", (
        ("local-ssd", "on a local SSD", {"storage.fs_type": "ext4"}),
        ("local-hdd", "on a hard disk or USB disk", {"symptoms": ["slow-disk"]}),
        ("network", "on NFS or another network drive", {"storage.fs_type": "nfs4", "symptoms": ["slow-disk"]}),
    )),
    ("memory", "How is the memory (free -h)?", (
        ("memory-free", "much is free", {"memory.used_ratio": 0.3}),
        ("memory-full", "nearly full", {"memory.used_ratio": 0.97}),
        ("swapping", "swap is used a lot", {"symptoms": ["swap-full"]}),
    )),
    ("shm", "How large is /dev/shm (df -h /dev/shm)?", (
        ("shm-small", "64 MB", {"shm.total_bytes": 67108864}),
        ("shm-full", "it is full", {"shm.used_ratio": 1.0}),
        ("shm-large", "several GB, and mostly free", {"shm.used_ratio": 0.05, "shm.total_bytes": 16e9}),
    )),
    ("workers", "Are there stopped or blocked workers (ps, column STAT)?", (
        ("worker-t", "one or more are in T", {"workers.stopped": ["worker"]}),
        ("worker-d", "one or more are in D", {"workers.blocked": ["worker"]}),
        ("workers-none", "none", {"workers.stopped": [], "workers.blocked": []}),
    )),
    ("others", "Who else uses this machine or GPU?", (
        ("others-none", "nobody", {"host.others_cpu_ratio": 0.0, "gpu.foreign_processes": []}),
        ("others-cpu", "others use the CPUs", {"symptoms": ["others-use-cpu"]}),
        ("others-gpu", "others use the GPU", {"symptoms": ["others-use-gpu"]}),
    )),
    ("gpus", "How many GPUs train together?", (
        ("one", "one", {"ddp.ranks": 1}), ("several", "two or more", {"ddp.ranks": 2, "scope.ranks": True}),
    )),
    ("disk", "Is a disk full (df -h)?", (
        ("disk-full", "yes", {"disk.full": True, "disk.error": "full"}), ("disk-fine", "no", {"disk.full": False}),
    )),
    ("console", "Does nnU-Net's training log go on while the console is silent?", (
        ("log-goes-on", "yes", {"output.hidden": True, "progress.resumed": True}),
        ("log-stops", "no", {"output.hidden": False}),
    )),
)  # fmt: skip
QUESTIONS = tuple(
    Question(
        key,
        define(f"question.{key}", asked)(),
        tuple(Choice(define(f"answer.{name}", english)(), facts) for name, english, facts in choices),
    )
    for key, asked, choices in _TABLE
)
