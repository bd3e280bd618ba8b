"""A limit of WSL2: half of the memory, Windows drives over 9p, little page-locked memory.

What happens:  WSL2 takes half of the machine's memory by default; files below /mnt/c go through a 9p
               server, which makes small reads many times slower; page-locked memory is limited, so that pin_memory
               fails with "CUDA out of memory" although the GPU has room.
How we know:   the kernel is WSL's, and the data lie on a Windows drive while steps wait for batches or workers are
               blocked in reads, or pinning failed, or processes were OOM-killed.
Looks like:    slow-storage and ram-oom-train-worker outside WSL; gpu-oom-cpu-fallback (the GPU really is full).
What helps:    move nnUNet_preprocessed into the Linux file system (e.g. ~/nnUNet_preprocessed) [SAFE]; memory= and
               swap= in .wslconfig, then wsl --shutdown [ADVICE]; fewer data workers [CONSENT].
Source:        MIC-DKFZ/nnUNet issue 2085; microsoft/WSL issues 6163, 8447.
"""

from __future__ import annotations

from holter.causes.offers import FEWER_WORKERS, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, needs, one_of, only, proves_nothing, supports
from holter.evidence import Evidence

CAUSE = "wsl2-limits"

SENTENCES = describe(
    CAUSE,
    title="A limit of WSL2",
    meaning="A limit of WSL2 slows or stops the training: its memory, or a Windows drive.",
    findings={
        "is-not-wsl": "this is not WSL",
    },
    remedies={
        "leave-windows-drive": "Move nnUNet_preprocessed into the Linux file system of WSL.",
        "wsl-memory": "Set memory= and swap= in .wslconfig, then wsl --shutdown.",
    },
)
PRESUPPOSES = ("windows",)

# Share of a step spent waiting for its batch, as in the other causes about data.
WAIT_RATIO = 0.3

DRIVE = Rule("storage.windows_drive", is_true, "data-on-windows-drive", 1.5, group="limit")

RULES = (
    needs("system.virtual_machine", one_of("wsl"), "is-wsl", otherwise="is-not-wsl", weight=1.0),
    DRIVE,
    Rule("exception.pinned_memory", is_true, "pinning-failed", 1.5, group="limit"),
    Rule("oom.kills", at_least(1), "oom-counted", 1.5, group="limit"),
    supports("workers.blocked", is_true, "worker-blocked", weight=0.5),
    against("wait.ratio", at_most(0.2), "hardly-waits-for-batches", weight=2.0),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    only("death", "slow-down", "stall"),
)

OFFERS = (
    Offer("leave-windows-drive", "SAFE", of_nnunet=True),
    Offer("wsl-memory", "ADVICE"),
    FEWER_WORKERS,
)


# The place of the data only counts while something waits for them.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    waits = evidence.fact("wait.ratio").value
    is_waited_for = isinstance(waits, (int, float)) and waits >= WAIT_RATIO
    is_waited_for = is_waited_for or bool(evidence.fact("workers.blocked").value)
    if is_waited_for and evidence.fact("episode.kind").value in ("slow-down", "stall"):
        return RULES
    return tuple(proves_nothing(rule) if rule is DRIVE else rule for rule in RULES)
