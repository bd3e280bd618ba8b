"""Everything is finished and written, but the process stays.

What happens:  after the final validation a thread of the augmenter still waits to put a batch into a full queue, or a
               worker does not end. GPU memory stays taken and the job runs until its wall time.
How we know:   nnU-Net has said forty seconds or more ago that validation is complete, the main process is there, and
               nobody works; it takes some seconds to end.
Looks like:    export-lost-result-hang (validation is not complete: summary.json is missing); a long export (somebody
               works).
What helps:    check that validation/summary.json is there, then end the process: nothing is lost [SAFE]; a newer
               batchgenerators, which drains its queues [CONSENT].
Source:        batchgenerators issues 14, 134; MIC-DKFZ/nnUNet issue 842; tests/tapes/no_exit_after_finish.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.steps import Facts
from holter.causes.weigh import Rule, against, at_least, is_false, is_true, one_of, only, supports, symptom
from holter.evidence.facts.training.stuck_place import PERSON

CAUSE = "no-exit-after-finish"

SENTENCES = describe(
    CAUSE,
    title="Finished, but still there",
    meaning="Everything is finished and written; only the process does not end.",
    findings={
        "done-long-ago": "they have been for {duration}",
        "not-done-yet": "training and validation are not complete",
        "results-loop-puts": "the results loop waits for space in a queue that no thread empties",
    },
    remedies={
        "end-finished": "Check that validation/summary.json is there, then end the process: nothing is lost.",
        "newer-batchgenerators": "Upgrade batchgenerators: newer versions empty their queues at the end.",
    },
)
PRESUPPOSES = ("nnunet",)

RULES = (
    Rule("finish.done", is_true, "all-is-done", 2.0, group="done"),
    Rule("finish.age_s", at_least(40), "done-long-ago", 1.0, group="long"),
    Rule("main.alive", is_true, "main-is-there", 1.0, group="alive"),
    supports("results_loop.waits_on", one_of("ready-queue"), "results-loop-puts"),
    against("finish.done", is_false, "not-done-yet", fatal=True),
    against("main.alive", is_false, "main-has-ended", fatal=True),
    against("activity.present", is_true, "somebody-works", weight=1.5),
    only("stall"),
    symptom("cannot-exit"),
)


# Killing a process loses nothing only if it is known to have finished its work, and nobody works with it.
def _is_done(facts: Facts) -> bool:
    return facts.get("finish.done") is True and facts.get("main.stands_in") != PERSON


OFFERS = (
    Offer("end-finished", "SAFE", "kill {main_pid}", _is_done, of_nnunet=True),
    Offer("newer-batchgenerators", "CONSENT", "pip install --upgrade batchgenerators", of_nnunet=True),
)
IS_FINISHED = True  # the training is over: its main process is not ended for standing still
