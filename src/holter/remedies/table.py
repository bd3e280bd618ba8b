"""Which remedies each cause offers. The sentence of a remedy is in the catalogue under its id.

SAFE leaves the training's result provably unchanged. CONSENT costs something or changes the run: the user decides.
ADVICE is for a person, often the administrator.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from holter.remedies import asking


class Offer(NamedTuple):
    """One remedy of one cause."""

    id: str
    safety: Literal["ADVICE", "CONSENT", "SAFE"]
    command: str | None = None  # with {blanks} filled from the diagnosis
    only_if: str | None = None  # name of a yes/no value that must be "yes"


CONTINUE = Offer("continue-from-checkpoint", "CONSENT", "{continue}")
WHO_IS_ON_GPU = "nvidia-smi --query-compute-apps=gpu_uuid,pid,process_name,used_memory --format=csv"
CONTINUE_ENDED = CONTINUE._replace(only_if="ended")
ASK = Offer(asking.ASK, "ADVICE")

REMEDIES: dict[str, tuple[Offer, ...]] = {
    "frozen-worker": (
        Offer("continue-process", "SAFE", "kill -CONT {pids}"),
        Offer("end-and-continue", "CONSENT", "{continue}"),
        Offer("file-system-sharing", "CONSENT", "holter run --sharing file_system -- {continue}", "shm_room"),
    ),
    "worker-killed": (
        Offer("bigger-shm", "CONSENT", None, "shm_full"),
        Offer("upgrade-native-libraries", "CONSENT", "pip install --upgrade batchgenerators threadpoolctl", "crash"),
        Offer(
            "workers-not-forked",
            "CONSENT",
            "HOLTER_START_METHOD=forkserver OMP_NUM_THREADS=1 holter run -- {continue}",
            "crash",
        ),
        CONTINUE,
    ),
    "external-kill": (
        Offer("more-memory", "ADVICE", None, "out_of_memory"),
        CONTINUE,
        Offer("keep-session", "ADVICE"),
        Offer("more-time", "ADVICE"),
    ),
    "main-exception": (Offer("read-first-traceback", "ADVICE"), CONTINUE),
    "worker-exception": (Offer("preprocess-case-again", "CONSENT"), Offer("verify-dataset", "ADVICE"), CONTINUE),
    "truncated-preprocessed-file": (
        Offer("look-at-file", "SAFE", "ls -l {preprocessed}/*/{case}*"),
        Offer("preprocess-case-again", "CONSENT"),
        Offer("check-disk-and-quota", "SAFE", "df -h {preprocessed}"),
        CONTINUE,
    ),
    "cpu-starved-augmentation": (
        Offer("workers-as-cores", "CONSENT", "export nnUNet_n_proc_DA={workers}"),
        Offer("gpu-augmentation", "CONSENT"),
        Offer("more-cores", "ADVICE"),
    ),
    "few-cores-allocated": (
        Offer("ask-for-cores", "ADVICE"),
        Offer("workers-as-cores", "CONSENT", "export nnUNet_n_proc_DA={workers}"),
    ),
    "cgroup-cpu-quota": (
        Offer("raise-quota", "ADVICE"),
        Offer("workers-as-cores", "CONSENT", "export nnUNet_n_proc_DA={workers}"),
    ),
    "slow-storage": (
        Offer("measure-storage", "SAFE", "df -hT {preprocessed}"),
        Offer("copy-to-local-disk", "SAFE"),
        ASK,
    ),
    "gpu-side-stall": (
        Offer("look-at-gpu", "SAFE", "nvidia-smi -q"),
        Offer("look-at-kernel-log", "SAFE", "dmesg -T | grep -iE 'xid|nvrm'"),
        Offer("end-and-continue", "CONSENT", "{continue}"),
    ),
    "vgpu-unlicensed": (
        Offer("show-licence", "SAFE", "nvidia-smi -q | grep -iA2 'License'"),
        Offer("license-vgpu", "ADVICE", "systemctl status nvidia-gridd"),
        ASK,
        Offer("physical-gpu", "ADVICE"),
    ),
    "export-lost-result-hang": (Offer("validate-again", "CONSENT", "{validate}"), Offer("fewer-exporters", "CONSENT")),
    "disk-full-or-quota": (
        Offer("measure-room", "SAFE", "df -h {disk_folder}; df -i {disk_folder}"),
        Offer("make-room", "ADVICE"),
        ASK,
        CONTINUE_ENDED,
    ),
    "shm-too-small": (
        Offer("measure-shm", "SAFE", "df -h /dev/shm"),
        ASK,
        Offer("fewer-workers", "CONSENT", "export nnUNet_n_proc_DA={fewer}"),
        CONTINUE_ENDED,
    ),
    "gpu-thermal-or-power": (
        Offer("look-at-clocks", "SAFE", "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER,CLOCK"),
        ASK,
    ),
    "gpu-shared-or-zombie": (
        Offer("who-is-on-gpu", "SAFE", WHO_IS_ON_GPU),
        ASK,
        Offer("end-leftovers", "CONSENT"),
        CONTINUE_ENDED,
    ),
    "not-stuck": (Offer("look-at-training-log", "SAFE"), Offer("unbuffered-output", "SAFE")),
}
