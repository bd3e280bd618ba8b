"""The training runs; only the console that people look at is silent.

What happens:  Python keeps what it prints into a file or pipe until it is 8 KiB (twenty epochs of
               nnU-Net), the output goes to another file, or the scheduler keeps it. For hours the console shows "using
               pin_memory" or "Epoch 0", and people kill a healthy run. Check this first: in
               both of the clearest reports of this kind the training was running, or done.
How we know:   the training log in the results folder got six lines or more in half a minute, the console file none of
               them, and the training makes progress. Where a person states it: the log goes on, the console does not.
Looks like:    every real stall (the log stands still as well); not-stuck (nothing is printed because a phase is
               long).
What helps:    look at training_log_*.txt in the results folder [SAFE]; PYTHONUNBUFFERED=1 or python -u for the next
               run [SAFE]. Killing the run loses epochs for nothing.
Source:        MIC-DKFZ/nnUNet issues 1490, 1619, 1996.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_most, is_false, is_true, only, supports, symptom

CAUSE = "not-stuck-output-hidden"

SENTENCES = describe(
    CAUSE,
    title="Running, with a silent console",
    meaning="The training runs; only the console that people look at is silent.",
    findings={
        "console-goes-on": "the console gets what the log gets",
        "output-is-buffered": "Python holds back what it prints ({detail})",
        "progress-is-recent": "the last progress is {duration} old",
    },
)

RULES = (
    Rule("output.hidden", is_true, "console-is-silent", 4.0, group="hidden"),
    Rule("progress.resumed", is_true, "progress-goes-on", 1.0, group="moves"),
    Rule("progress.age_s", at_most(60), "progress-is-recent", 1.0, group="moves"),
    supports("output.buffered", is_true, "output-is-buffered"),
    supports("activity.present", is_true, "somebody-works", weight=0.5),
    against("output.hidden", is_false, "console-goes-on", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    against("main.alive", is_false, "main-has-ended", fatal=True),
    against("activity.present", is_false, "nobody-works", weight=2.0),
    only("stall"),
    symptom("output-hidden"),
)

OFFERS = (
    Offer("look-at-training-log", "SAFE", "tail -n 20 {results}/training_log_*.txt"),
    Offer("unbuffered-output", "SAFE", "export PYTHONUNBUFFERED=1"),
)
