"""An epoch of nnU-Net is a fixed number of steps, not a pass over the data set.

What happens:  an epoch is 250 training steps and 50 validation steps whatever the size of the data set, and there are
               1000 of them. Twice the batch size therefore doubles the epoch time, and fewer cases do not shorten it.
               People read this as a slow-down.
How we know:   against the run that it is compared with, the batch is at least 1.2 times as large and one sample takes
               at most 1.1 times as long. Only a person, or two runs side by side, can state both; one recording
               cannot.
Looks like:    a real slow-down: each sample takes longer.
What helps:    compare samples a second, not epochs [SAFE]; to train shorter use a trainer with fewer epochs, e.g.
               nnUNetTrainer_250epochs [CONSENT: another training]. Cutting the batch size to shorten the epoch saves
               nothing.
Source:        MIC-DKFZ/nnUNet issues 184, 335, 1778, 2465, 2643.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, only, symptom

CAUSE = "epoch-definition"

SENTENCES = describe(
    CAUSE,
    title="An epoch is a number of steps",
    meaning="Each sample is as fast as before; the epoch is longer because batches are larger.",
    findings={
        "batch-is-larger": "the batch is {value} times as large",
        "samples-as-fast": "one sample takes {value} times as long: no longer than before",
        "samples-slower": "one sample takes {value} times as long",
    },
    remedies={
        "compare-samples": "Compare samples a second, not epochs.",
        "fewer-epochs": "For a shorter training take a trainer with fewer epochs, e.g. nnUNetTrainer_250epochs.",
    },
)
PRESUPPOSES = ("nnunet",)
# Elsewhere an epoch is a pass over the data: words about epochs and batches mean nothing.
WORDS_NEED = "scope.nnunet"

RULES = (
    Rule("batch.times_usual", at_least(1.2), "batch-is-larger", 1.0, group="batch"),
    Rule("batch.sample_times_usual", at_most(1.1), "samples-as-fast", 2.0, group="rate"),
    against("batch.sample_times_usual", at_least(1.3), "samples-slower", fatal=True),
    only("slow-down"),
    symptom("same-time-any-data"),
)

OFFERS = (
    Offer("compare-samples", "SAFE", of_nnunet=True, of_training=True),
    Offer("fewer-epochs", "CONSENT", of_nnunet=True, of_training=True),
)
