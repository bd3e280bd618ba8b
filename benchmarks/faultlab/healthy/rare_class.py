"""A class does not occur in the validation batches: its pseudo Dice is NaN."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class RareClass(Healthy):
    """The pseudo Dice is NaN in every epoch, the loss is a number."""

    name = "rare-class"
    summary = "the pseudo Dice is NaN in every epoch, the loss is a number"
    trainer = "nnUNetTrainerRareClass"
    epochs = 4


SCENARIO = RareClass
