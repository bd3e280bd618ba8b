"""An export worker died in the final validation, and nnU-Net waits for its result forever.

What happens:  the pool replaces a killed worker silently, but not its task. nnU-Net then waits in result.get()
               with no time limit; every process sleeps, video memory stays held, summary.json never comes.
How we know:   final validation, the main thread in the pool's get(), and an export worker ended or is younger than
               its pool: its task is lost for certain, even while others still work. Decisive together.
Looks like:    export-ram-oom (it was the kernel that killed the worker, for lack of memory); a long export of one big
               case (an export worker works: not-stuck); no-exit-after-finish (outputs are complete).
What helps:    end it and run nnUNetv2_train ... --val with fewer export processes (nnUNet_def_n_proc) or more memory
               [CONSENT]: the network is trained, nothing is lost.
Source:        MIC-DKFZ/nnUNet issues 1786, 902, 1828; TotalSegmentator issues 240, 530;
               tests/tapes/export_lost_result_hang.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN, FEWER_EXPORTERS
from holter.causes.weigh import Rule, against, at_least, at_most, is_false, needs, one_of, supports, symptom

CAUSE = "export-lost-result-hang"

SENTENCES = describe(
    CAUSE,
    title="Export waits for a lost result",
    meaning="An export process died, and the training waits for its result forever.",
    findings={
        "no-export-worker-lost": "no export worker was lost",
    },
)
PRESUPPOSES = ("export", "nnunet")

RULES = (
    needs("phase", one_of("final-validation"), "in-final-validation", otherwise="not-in-final-validation", weight=0.5),
    Rule("main.waits_on", one_of("export-result"), "main-waits-for-export", 2.0, group="main"),
    Rule("export.replaced", at_least(1), "export-worker-replaced", 2.0, group="lost"),
    supports("activity.present", is_false, "nobody-works", weight=1.0),
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),  # export-ram-oom explains the loss
    against("export.replaced", at_most(0), "no-export-worker-lost", weight=1.0),
    *not_in("unsaved"),
    symptom("validation-hangs"),
)

OFFERS = (
    Offer("validate-again", "CONSENT", "{validate}", of_nnunet=True, of_training=True),
    Offer("fewer-exporters", "CONSENT", of_nnunet=True),
)
LADDER = (AGAIN, FEWER_EXPORTERS)
