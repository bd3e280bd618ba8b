"""The main process stands in one place of the code and does not come back from it.

What happens:  a call does not return: a lock that nobody releases, a server that does not answer, a file that somebody
               else has locked, a loop without end. The data workers fill their queues and idle, the GPU falls to 0 %.
               Mostly it is the user's own code (a trainer, a callback, a tracking service), or a library that it calls.
How we know:   stacks of the main process, taken some seconds apart, end in the same function and line, and it is not a
               wait for batches or results. The kernel shows what it waits for there; if it computes, it is in a loop.
Looks like:    frozen-worker and the other causes of the data side (the main process waits for a batch);
               gpu-side-stall (a native call within a step, with a GPU); plot-or-extra-hook-hang (drawing, a tracking
               service); main-stopped (the process itself is stopped).
What helps:    look at the line that is named here; give every call to a server or lock a time limit [ADVICE]; then
               end the training and continue with --c [CONSENT].
Source:        what most hangs outside the data workers are: MIC-DKFZ/nnUNet issue 2470; pytorch issues 1355, 45198;
               tests/tapes/main_stands_still.
"""

from __future__ import annotations

from holter.causes.offers import END_AND_CONTINUE, LOOK_AT_LINE, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, is_false, is_true, one_of, only, possible_at_most, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "main-stands-still"

SENTENCES = describe(
    CAUSE,
    title="Main process stands in one place",
    meaning="The main process does not come back from a call, and everything waits for it.",
    findings={
        "main-is-held": "what holds it: {detail}",
    },
    remedies={
        "see-stacks": "See all stacks of the process as they are now.",
    },
)

RULES = (
    Rule("main.stands_at", is_true, "main-stands", 3.0, group="place"),
    Rule("main.stands_in", lambda kind: kind != "other", "main-is-held", 1.0, group="kind"),
    supports("queue.ready", one_of("full"), "ready-queue-full", weight=0.5),
    against("main.state", one_of("T", "t"), "main-stopped", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    against("frozen.processes", is_true, "in-a-freezer", fatal=True),
    against("main.extra_step", is_true, "main-in-extra-step", weight=3.0),
    against("storage.pending_s", lambda seconds: seconds >= 2.0, "read-does-not-return", weight=3.0),
    against("disk.error", is_true, "disk-explains", weight=3.0),
    against("ddp.behind", is_true, "rank-is-behind", weight=3.0),
    against("finish.done", is_true, "all-is-done", weight=3.0),
    against("main.alive", is_false, "main-has-ended", fatal=True),
    only("stall", "slow-down"),
)

OFFERS = (LOOK_AT_LINE, Offer("see-stacks", "SAFE", "py-spy dump --pid {main_pid}"), END_AND_CONTINUE)
# More exact than any sentence: it has the place.
FACT_OF_HEADLINE = "main.stands_at"


# User code that reads a result from the GPU also waits there while the GPU does not compute.
OF_THE_GPU = (
    against("gpu.licence_stage", one_of("unlicensed-restricted", "unlicensed"), "licence-explains", weight=3.0),
    against("gpu.trouble", one_of("lost", "hung", "silent"), "gpu-is-lost", weight=3.0),
)


# If there is a GPU, a native call within a step is first taken for a wait for the GPU.
def diagnose(evidence: Evidence) -> Verdict:
    has_gpu = evidence.fact("scope.gpu").value is not False
    verdict = weigh(CAUSE, evidence, (*RULES, *(OF_THE_GPU if has_gpu else ())))
    waits_on = evidence.fact("main.waits_on")
    in_step = waits_on.status == "unknown" or waits_on.value == "native-call"
    return possible_at_most(verdict) if in_step and has_gpu else verdict
