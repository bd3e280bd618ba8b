"""The training ended with exit code 0 before its last epoch: it looks finished and is not.

What happens:  something ends the process in order: sys.exit() or os._exit(0) in a callback, a wrapper that returns
               too soon, a library that ends the interpreter. The scheduler counts a success, and nobody looks.
How we know:   exit code 0, epochs are missing, run_training did not return, and no final checkpoint was written. All
               four are needed: a custom early stopping writes the final checkpoint and is no fault.
Looks like:    a training that was asked to stop (SIGTERM, Ctrl-C, holter train's exit code 75).
What helps:    look for exit() in code of your own [ADVICE]; continue with --c [CONSENT].
Source:        tests/tapes/ended_early.
"""

from holter.causes.offers import CONTINUE, LOOK_FOR_EXIT
from holter.causes.sentences import describe
from holter.causes.weigh import against, is_true, needs, only, symptom

CAUSE = "ended-early"

SENTENCES = describe(
    CAUSE,
    title="Ended before its last epoch",
    meaning="The training ended with exit code 0 before its last epoch.",
    findings={
        "ended-too-early": "{detail}",
        "not-ended-early": "it did not end early with exit code 0",
    },
)
PRESUPPOSES = ("nnunet",)

RULES = (
    needs("main.early", is_true, "ended-too-early", otherwise="not-ended-early", weight=3.0),
    against("exception.first", is_true, "exception-came-first", weight=1.0),
    only("death"),
    symptom("stops-early", weight=1.5),
)

OFFERS = (LOOK_FOR_EXIT, CONTINUE)
