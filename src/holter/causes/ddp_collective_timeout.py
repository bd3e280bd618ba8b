"""One of several GPUs' processes is behind, and all the others wait for it.

What happens:  with -num_gpus each process must reach every collective operation. One waits for its data, saves a
               checkpoint, or is stopped; the others wait on their GPUs, at 100 % use that is only spinning. After 600
               s NCCL's watchdog ends them all: "Watchdog caught collective operation timeout".
How we know:   heartbeats: one process waits for its batch, is in an earlier phase or stopped, while the others are in
               their step. NCCL's message alone shows that some process was behind, not which one. An ALLGATHER of as
               many numbers as there are classes is nnU-Net's exchange of Dice at the end of an epoch's validation.
Looks like:    nccl-p2p-broken (nobody is behind: all are in the collective, from the first step on); frozen-worker and
               slow-storage (they say why that process is behind, and come first).
What helps:    the cause on that process; look at its stack, not at the others' [SAFE: py-spy dump]. A longer time-out
               only waits longer; NCCL_P2P_DISABLE does nothing for it.
Source:        MIC-DKFZ/nnUNet issues 1516, 1485; accelerate issue 314; pytorch issue 22834;
               tests/tapes/ddp_collective_timeout.
"""

from holter.causes.offers import CONTINUE_ENDED, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, supports, symptom

CAUSE = "ddp-collective-timeout"

SENTENCES = describe(
    CAUSE,
    title="One GPU's process is behind",
    meaning="One of several GPUs' processes is behind, and all the others wait for it.",
    findings={
        "collective-timed-out": "the operation that timed out: {value}",
    },
    remedies={
        "look-at-rank": "Look at the stack of the process that is behind, not at those that wait.",
    },
)
ERROR_TEXTS = (
    "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, OpType=ALLREDUCE, Timeout(ms)=600000)",
    "Some NCCL operations have failed or timed out",
)
PRESUPPOSES = ("ranks",)

RULES = (
    supports("exception.kind", one_of("nccl-timeout"), "nccl-timed-out", weight=2.5),
    Rule("ddp.behind", is_true, "rank-is-behind", 1.5, group="rank"),
    supports("ddp.timed_out", is_true, "collective-timed-out", weight=0.5),
    supports("ddp.ranks", at_least(2), "several-ranks", weight=0.5),
    against("ddp.ranks", at_most(1), "one-process", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", weight=1.5),
    against("workers.blocked", is_true, "worker-blocked", weight=1.5),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=1.5),
    *not_in("creep", "unsaved"),
    symptom("rank-timeout"),
    symptom("rank-waits", weight=1),
)

OFFERS = (Offer("look-at-rank", "SAFE"), CONTINUE_ENDED)
LADDER = (AGAIN,)
