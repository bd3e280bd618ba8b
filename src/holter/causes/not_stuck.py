"""Nothing is wrong; the training runs, only slowly or silently.

What happens:  the terminal is silent (buffered output, an epoch that takes long), or a phase takes its time. People
               kill such runs; in the two clearest "stuck at epoch 0" reports the training was in fact running.
How we know:   processes of the run work, or progress went on by itself, and nothing is stopped, blocked or dead.
Looks like:    every real stall: nobody works then.
What helps:    look at training_log_*.txt in the results folder instead of the terminal; PYTHONUNBUFFERED=1 [SAFE].
Source:        MIC-DKFZ/nnUNet issues 1619, 1490.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import Rule, against, at_least, is_false, is_true, one_of, supports, symptom

CAUSE = "not-stuck"

SENTENCES = describe(
    CAUSE,
    title="Not stuck",
    meaning="The training works; only its output is silent.",
)

RULES = (
    supports("activity.present", is_true, "somebody-works"),
    Rule("progress.resumed", is_true, "progress-goes-on", 2.0, group="alive"),
    supports("main.alive", is_true, "main-is-there", weight=0.5),
    against("output.hidden", is_true, "console-is-silent", weight=1.0),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    against("workers.blocked", is_true, "worker-blocked", weight=2.0),
    against("main.alive", is_false, "main-has-ended", fatal=True),
    *not_in("death", "unsaved"),
    against("episode.kind", one_of("slow-down", "creep"), "it-is-slower", weight=3.5),
    against("activity.present", is_false, "nobody-works", weight=2.0),
    against("gpu.licence_stage", one_of("unlicensed-restricted", "unlicensed"), "licence-restricts", weight=2.0),
    against("cpu.throttled_ratio", at_least(0.2), "quota-throttles", weight=2.0),
    symptom("moves-on", weight=1),
)

OFFERS = (Offer("look-at-training-log", "SAFE"), Offer("unbuffered-output", "SAFE"))
