"""Remedies of the causes about memory, locks and open files."""

from __future__ import annotations

from holter.remedies.table import CONTINUE_ENDED, END_AND_CONTINUE, Offer

FEWER_WORKERS = Offer("fewer-workers", "CONSENT", "export nnUNet_n_proc_DA={fewer}")
MORE_MEMORY = Offer("more-memory", "ADVICE")
NOT_FORKED = Offer(
    "workers-not-forked", "CONSENT", "HOLTER_START_METHOD=forkserver OMP_NUM_THREADS=1 holter run -- {continue}"
)
UPGRADE = "pip install --upgrade"

REMEDIES: dict[str, tuple[Offer, ...]] = {
    "ram-oom-train-worker": (FEWER_WORKERS, MORE_MEMORY, CONTINUE_ENDED),
    "export-ram-oom": (
        Offer("validate-again", "CONSENT", "{validate}"),
        Offer("fewer-exporters", "CONSENT", "export nnUNet_def_n_proc=2"),
        MORE_MEMORY,
    ),
    "nested-threadpoolctl-fork-crash": (
        Offer("upgrade-native-libraries", "CONSENT", f"{UPGRADE} batchgenerators threadpoolctl"),
        NOT_FORKED,
        CONTINUE_ENDED,
    ),
    "threadpoolctl-version": (Offer("upgrade-threadpoolctl", "CONSENT", f"{UPGRADE} threadpoolctl"), CONTINUE_ENDED),
    "secondary-worker-message": (
        Offer("find-first-traceback", "SAFE"),
        Offer("find-kill", "SAFE", "dmesg -T | grep -iE 'killed process|segfault'"),
        Offer("record-next-time", "SAFE", "holter run -- {continue}"),
    ),
    "preprocess-worker-killed": (
        Offer("fewer-preprocessors", "CONSENT"),
        Offer("fewer-configurations", "CONSENT"),
        MORE_MEMORY,
    ),
    "windows-spawn-commit": (Offer("fewer-workers", "CONSENT"), Offer("larger-paging-file", "ADVICE")),
    "cudnn-2d-host-leak": (Offer("upgrade-torch", "CONSENT"), END_AND_CONTINUE),
    "fork-lock-deadlock": (NOT_FORKED, END_AND_CONTINUE, Offer("threads-of-own-transforms", "ADVICE")),
    "fd-exhaustion": (
        Offer("raise-descriptor-limit", "SAFE", "ulimit -n 65535"),
        Offer("file-system-sharing", "CONSENT", "holter run --sharing file_system -- {continue}", "shm_room"),
        FEWER_WORKERS,
        CONTINUE_ENDED,
    ),
    "unpack-slow-or-oom": (
        Offer("watch-unpacking", "SAFE", "ls -lt {preprocessed}/*/*/*.npy | head", "not ended"),
        Offer("fewer-unpackers", "CONSENT", "export nnUNet_def_n_proc=2"),
        MORE_MEMORY,
    ),
    "swap-thrash": (
        Offer("who-is-swapped", "SAFE", "grep VmSwap /proc/[0-9]*/status | sort -k 2 -n | tail"),
        FEWER_WORKERS,
        MORE_MEMORY,
    ),
    "copy-on-read-growth": (Offer("arrays-not-lists", "CONSENT"), FEWER_WORKERS, END_AND_CONTINUE),
    "malloc-arena-retention": (Offer("fewer-arenas", "SAFE", "MALLOC_ARENA_MAX=2 holter run -- {continue}"),),
    "cgroup-page-cache-pressure": (Offer("copy-to-local-disk", "SAFE"), MORE_MEMORY, FEWER_WORKERS),
    "kernel-time-reclaim": (
        Offer("look-at-reclaim", "SAFE", "grep -E 'pgscan_direct|compact_stall|allocstall' /proc/vmstat"),
        FEWER_WORKERS,
        Offer("huge-pages-on-request", "ADVICE"),
    ),
}
