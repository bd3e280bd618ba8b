"""nnUNet_n_proc_DA=0: the main process prepares every batch itself.

What happens:  without data workers nothing is prepared while the GPU computes, so both take turns; steps take several
               times as long. It is often advised when workers die, but it only hides why they died.
How we know:   nnUNet_n_proc_DA is 0, there are no data workers, and steps wait for batches. If neither the setting nor
               the workers are known, a main thread that waits on the workers' queue speaks against it: without workers
               there is no such queue.
Looks like:    cpu-starved-augmentation (there are workers, and they are busy).
What helps:    remove the setting [CONSENT: more memory]; then find out what killed the workers: holter run records
               it. nnU-Net's maintainers use 0 for debugging only.
Source:        MIC-DKFZ/nnUNet issues 1898, 2749; tests/tapes/data_workers_zero_fix.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import MAIN_IN_ONE_PLACE, NOBODY_WORKS
from holter.causes.weigh import Rule, against, at_least, at_most, if_seen, needs, one_of, only, symptom
from holter.evidence import Evidence

CAUSE = "data-workers-zero-fix"

SENTENCES = describe(
    CAUSE,
    title="No data workers",
    meaning="nnUNet_n_proc_DA is 0: the main process prepares every batch itself.",
    findings={
        "workers-are-there": "data workers: {value}",
        "workers-are-wanted": "nnUNet_n_proc_DA is not 0",
    },
    remedies={
        "data-workers-again": "Remove nnUNet_n_proc_DA=0, and let Holter record why workers died.",
    },
)
PRESUPPOSES = ("nnunet",)

RULES = (
    needs("setting.n_proc_da", at_most(0), "no-workers-wanted", otherwise="workers-are-wanted", weight=2.0),
    Rule("workers.count", at_most(0), "no-workers-there", 1.0, group="none"),
    Rule("wait.ratio", at_least(0.3), "waits-for-batches", 2.0, group="slow"),
    against("workers.count", at_least(1), "workers-are-there", fatal=True),
    NOBODY_WORKS,
    only("slow-down", "stall"),
    symptom("slow-from-start"),
)

OFFERS = (Offer("data-workers-again", "CONSENT", "unset nnUNet_n_proc_DA", of_nnunet=True, of_training=True),)


# A heartbeat reports every wait for a batch as a wait on the queue, so a known setting or worker count is stronger
# evidence.
HAS_QUEUE = against("main.waits_on", one_of("batch-queue"), "main-waits-for-workers", fatal=True)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    seen = any(evidence.fact(name).status == "known" for name in ("setting.n_proc_da", "workers.count"))
    rules = (*RULES, *if_seen(evidence, MAIN_IN_ONE_PLACE))
    return rules if seen else (*rules, HAS_QUEUE)
