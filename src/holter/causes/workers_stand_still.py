"""All data workers stand in the same place of the code, and no batch comes.

What happens:  every worker is stuck in the same line: a custom transform that waits for a server or a lock on a file,
               or a loop without end. Nothing dies, so nnU-Net waits forever for its next batch.
How we know:   stacks of all data workers, taken some seconds apart, end in the same function, which is not the passing
               of batches; the kernel shows what they wait for, or they compute there at full speed.
Looks like:    fork-lock-deadlock (a lock that was held at the fork); frozen-worker (state T); slow-storage (a read
               that does not return); cpu-starved-augmentation (workers compute, and batches come).
What helps:    look at the line that is named here; give calls to servers and locks a time limit [ADVICE]; then end
               the training and continue with --c [CONSENT].
Source:        tests/tapes/workers_stand_still.
"""

from holter.causes.offers import END_AND_CONTINUE, LOOK_AT_LINE
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, is_true, one_of, only, supports

CAUSE = "workers-stand-still"

SENTENCES = describe(
    CAUSE,
    title="Data workers stand in one place",
    meaning="All data workers are held in the same line of code, and no batch comes.",
    findings={
        "workers-are-held": "what holds them: {detail}",
    },
)

RULES = (
    Rule("workers.stand_at", is_true, "workers-stand", 3.0, group="place"),
    Rule("workers.stand_in", lambda kind: kind not in ("other", "file"), "workers-are-held", 1.0, group="kind"),
    supports("main.waits_on", one_of("batch-queue"), "main-waits-for-workers", weight=0.5),
    supports("queue.ready", one_of("empty"), "ready-queue-empty", weight=0.5),
    against("queue.ready", one_of("full"), "ready-queue-full", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    against("workers.locked", is_true, "workers-locked", weight=3.0),
    against("workers.blocked", is_true, "worker-blocked", weight=3.0),
    against("frozen.processes", is_true, "in-a-freezer", fatal=True),
    only("stall", "slow-down"),
)

OFFERS = (LOOK_AT_LINE, END_AND_CONTINUE)
# More exact than any sentence: it has the place.
FACT_OF_HEADLINE = "workers.stand_at"
