"""Remedies of the causes about the main process, limits and results."""

from __future__ import annotations

from holter.remedies.table import CONTINUE, CONTINUE_ENDED, END_AND_CONTINUE, Offer

LOOK_AT_LINE = Offer("look-at-line", "ADVICE", None, "has_place")

REMEDIES: dict[str, tuple[Offer, ...]] = {
    "main-stands-still": (LOOK_AT_LINE, Offer("see-stacks", "SAFE", "py-spy dump --pid {main_pid}"), END_AND_CONTINUE),
    "workers-stand-still": (LOOK_AT_LINE, END_AND_CONTINUE),
    "main-stopped": (Offer("continue-main", "CONSENT", "kill -CONT {main_pid}"),),
    "frozen-cgroup": (Offer("thaw-group", "ADVICE"),),
    "process-limit": (Offer("show-limits", "SAFE", "ulimit -a"), Offer("raise-limit", "CONSENT"), CONTINUE_ENDED),
    "memory-refused": (
        Offer("show-memory-rules", "SAFE", "sysctl vm.overcommit_memory vm.max_map_count; echo $LD_PRELOAD"),
        Offer("change-memory-rules", "ADVICE"),
        CONTINUE_ENDED,
    ),
    "read-only-data": (
        Offer("heal-read-only-data", "SAFE", "holter run --heal -- {continue}"),
        Offer("preprocess-all-again", "CONSENT"),
    ),
    "loss-not-finite": (Offer("continue-from-before", "CONSENT"), Offer("look-for-nan", "ADVICE")),
    "results-folder-gone": (Offer("mount-results-again", "CONSENT", "findmnt -T {results}; ls -ld {results}"),),
    "ended-early": (Offer("look-for-exit", "ADVICE"), CONTINUE),
    "worker-exited": (Offer("look-for-exit", "ADVICE"), CONTINUE),
}
