"""The loss is NaN or infinite: the training goes on, and what it learns is lost.

What happens:  one step makes the weights NaN, and no later step brings them back. nnU-Net prints "train_loss nan" and
               goes on for a thousand epochs. Typical reasons: images with NaN or huge values, a learning rate that is
               too high, a custom loss or network that divides by zero, half precision that overflows.
How we know:   the training or validation loss was not a finite number in two successive epochs. The hook reports the
               first such step. A pseudo Dice of NaN does not count: it only says that a class does not occur. A step
               that the GradScaler skips does not count either.
Looks like:    nothing else.
What helps:    stop now and continue from an earlier checkpoint (usually checkpoint_best.pth) [CONSENT]; look for NaN
               and infinite values in the images; a lower learning rate, or full precision [CONSENT: another training].
Source:        MIC-DKFZ/nnUNet issues on "nan" losses; tests/tapes/loss_not_finite.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import is_true, needs, only, supports

CAUSE = "loss-not-finite"

SENTENCES = describe(
    CAUSE,
    title="Loss is NaN or infinite",
    meaning="The loss is NaN or infinite; further training is lost.",
    findings={
        "loss-is-finite": "the losses are finite numbers",
        "loss-is-nan": "no finite number for two epochs in a row: {value}",
        "loss-since": "the training loss has not been finite {detail}",
    },
    remedies={
        "continue-from-before": "End it and continue from a checkpoint saved before the loss was NaN or infinite.",
        "look-for-nan": "Look for NaN and infinite values in the images and labels.",
    },
)
ERROR_TEXTS = ("train_loss nan", "Loss is nan, stopping training")

RULES = (
    needs("loss.not_finite", is_true, "loss-is-nan", otherwise="loss-is-finite", weight=3.0),
    supports("loss.since", is_true, "loss-since", weight=0.5),
    only("diverged"),
)

OFFERS = (Offer("continue-from-before", "CONSENT", of_nnunet=True, of_training=True), Offer("look-for-nan", "ADVICE"))
