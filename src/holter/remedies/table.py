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
    # Names of yes/no values that must be "yes"; with "not " before one, that must not.
    only_if: str | tuple[str, ...] | None = None


# --c is nnU-Net's; what continues another program is not known.
CONTINUE = Offer("continue-from-checkpoint", "CONSENT", "{continue}", "nnunet")
END_AND_CONTINUE = Offer("end-and-continue", "CONSENT", "{continue}", "nnunet")
WHO_IS_ON_GPU = "nvidia-smi --query-compute-apps=gpu_uuid,pid,process_name,used_memory --format=csv"
CONTINUE_ENDED = CONTINUE._replace(only_if=("nnunet", "ended"))
PREPROCESS_CASE = Offer("preprocess-case-again", "CONSENT", None, "has_case")
ASK = Offer(asking.ASK, "ADVICE")
FIND_TORN_JSON = 'for f in {preprocessed}/*.json; do python -m json.tool "$f" > /dev/null || echo "torn: $f"; done'
# What kind of exception it was.
RACED, WRITING = "kind:unpack-race", "kind:mount-write"

REMEDIES: dict[str, tuple[Offer, ...]] = {
    "frozen-worker": (
        Offer("continue-process", "SAFE", "kill -CONT {pids}"),
        END_AND_CONTINUE,
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
        Offer("keep-session", "ADVICE", None, "hung_up"),
        Offer("longer-job", "ADVICE", None, "time_limit"),
        Offer("more-time", "ADVICE", None, "may_be_scheduler"),
    ),
    "main-exception": (
        Offer("set-checkpoint-aside", "CONSENT", None, "kind:checkpoint-broken"),
        Offer("checkpoint-versions", "CONSENT", None, "kind:checkpoint-refused"),
        Offer("look-at-both-memories", "SAFE", "free -h; ulimit -l; nvidia-smi", "kind:pinned-memory"),
        Offer("fewer-workers", "CONSENT", "export nnUNet_n_proc_DA={fewer}", "kind:pinned-memory"),
        Offer("more-memory", "ADVICE", None, "kind:pinned-memory"),
        Offer("see-gpus", "SAFE", "nvidia-smi -L; echo $CUDA_VISIBLE_DEVICES", "kind:gpu-number"),
        Offer("set-paths", "ADVICE", None, "kind:no-paths"),
        Offer("read-first-traceback", "ADVICE", None, "echoed"),
        Offer("read-traceback", "ADVICE", None, "not echoed"),
        CONTINUE._replace(only_if=("nnunet", "not never_began")),
    ),
    "native-crash": (
        Offer("other-releases", "CONSENT", "pip list | grep -iE 'nnunetv2|batchgenerators|^torch'"),
        Offer("try-without-compile", "CONSENT", "nnUNet_compile=f {continue}"),
        Offer("fault-handler", "SAFE", "export PYTHONFAULTHANDLER=1"),
        CONTINUE_ENDED,
    ),
    "worker-exception": (PREPROCESS_CASE, Offer("verify-dataset", "ADVICE"), CONTINUE),
    "truncated-preprocessed-file": (
        Offer("look-at-file", "SAFE", "ls -l {preprocessed}/*/{case}*", "has_case"),
        PREPROCESS_CASE,
        Offer("find-torn-json", "SAFE", FIND_TORN_JSON, "torn_json"),
        Offer("make-json-again", "CONSENT", None, "kind:json"),
        Offer("remove-torn-splits", "CONSENT", None, "kind:splits"),
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
        END_AND_CONTINUE,
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
    "affinity-clobbered": (
        Offer("unpin-now", "SAFE", "for pid in $(pgrep -P {main_pid}); do taskset -a -c -p 0-{last_cpu} $pid; done"),
        Offer("unset-pinning", "CONSENT", "unset OMP_PROC_BIND GOMP_CPU_AFFINITY KMP_AFFINITY"),
    ),
    "blosc2-io": (
        Offer("other-versions", "CONSENT", "pip install --upgrade nnunetv2 blosc2"),
        Offer("preprocess-case-again", "CONSENT"),
    ),
    "concurrent-jobs-contention": (
        Offer("see-who-else", "SAFE", "ps -eo pid,user,pcpu,etime,args --sort=-pcpu | head"),
        Offer("share-the-cores", "CONSENT"),
        Offer("trainings-in-turn", "ADVICE"),
    ),
    "data-workers-zero-fix": (Offer("data-workers-again", "CONSENT", "unset nnUNet_n_proc_DA"),),
    "epoch-definition": (Offer("compare-samples", "SAFE"), Offer("fewer-epochs", "CONSENT")),
    "faulty-host-hardware": (
        Offer("look-at-hardware-errors", "SAFE", "dmesg -T | grep -iE 'mce|edac|hardware error|segfault'"),
        Offer("test-memory", "ADVICE"),
        Offer("another-machine", "SAFE"),
        CONTINUE_ENDED,
    ),
    "fold-start-race": (
        Offer("start-in-turn", "SAFE"),
        Offer("remove-unpacked", "CONSENT", None, RACED),
        Offer("remove-torn-splits", "CONSENT", "python -m json.tool {preprocessed}/splits_final.json", f"not {RACED}"),
        Offer("preprocess-case-again", "CONSENT", None, (f"not {RACED}", "not kind:splits")),
    ),
    "huge-volume-cost": (
        Offer("holter-loader", "CONSENT"),
        Offer("coarser-spacing", "CONSENT"),
        Offer("measure-storage", "SAFE", "df -hT {preprocessed}"),
    ),
    "no-exit-after-finish": (
        Offer("end-finished", "SAFE", "kill {main_pid}", "end_known"),
        Offer("newer-batchgenerators", "CONSENT", "pip install --upgrade batchgenerators"),
    ),
    "not-stuck-output-hidden": (
        Offer("look-at-training-log", "SAFE", "tail -n 20 {results}/training_log_*.txt"),
        Offer("unbuffered-output", "SAFE", "export PYTHONUNBUFFERED=1"),
    ),
    "page-cache-cold": (Offer("read-once", "SAFE", "find {preprocessed} -type f -exec cat {{}} + > /dev/null"),),
    "plot-or-extra-hook-hang": (
        Offer("leave-out-plot", "ADVICE"),
        END_AND_CONTINUE,
    ),
    "remote-fs-error": (
        Offer("measure-storage", "SAFE", "df -hT {preprocessed}", f"not {WRITING}"),
        Offer("copy-to-local-disk", "SAFE", None, f"not {WRITING}"),
        Offer("look-at-results-mount", "SAFE", "df -hT {results}", WRITING),
        Offer("results-elsewhere", "CONSENT", None, WRITING),
        CONTINUE,
    ),
    "spawn-respawn-each-epoch": (Offer("persistent-workers", "CONSENT"),),
    "thread-oversubscription": (Offer("one-thread-each", "CONSENT", "export OMP_NUM_THREADS=1"),),
    "wsl2-limits": (
        Offer("leave-windows-drive", "SAFE"),
        Offer("wsl-memory", "ADVICE"),
        Offer("fewer-workers", "CONSENT", "export nnUNet_n_proc_DA={fewer}"),
    ),
}
