"""Which remedies apply to a program: some only to nnU-Net, some only to its trainings.

Commands of nnU-Net that do not train are continued by others.
"""

from __future__ import annotations

import re

from holter.causes.offers import Offer
from holter.patterns import later

# Offered instead, where there are no checkpoints.
AGAIN = {
    "continue-from-checkpoint": "run-again",
    "end-and-continue": "end-and-run-again",
    "make-room": "make-room-for-files",
}
# A prediction keeps the cases that are done.
PREDICT_AGAIN = {
    **AGAIN,
    "continue-from-checkpoint": "predict-again",
    "end-and-continue": "end-and-predict-again",
}
OF_TRAINING = ("nnUNet_n_proc_DA", "{validate}", "HOLTER_START_METHOD")
_COMMAND = later(r"nnunet|batchgen|\{(?:preprocessed|results|continue|validate)\}", re.IGNORECASE)


def is_of_nnunet(command: str) -> bool:
    """Return whether a command, with its blanks not yet filled, applies only to nnU-Net's trainings."""
    return _COMMAND.search(command) is not None


def only_trains(offer: Offer) -> bool:
    """Return whether an offer means nothing to a command that predicts, preprocesses or evaluates."""
    return offer.of_training or any(word in (offer.command or "") for word in OF_TRAINING)


def of_work(name: str, work: str) -> str:
    """Return the id of the remedy for a command of nnU-Net that does not train; ``name`` itself if it fits unchanged.

    ``work``: what the command does, such as ``prediction``.
    """
    return (PREDICT_AGAIN if work == "prediction" else AGAIN).get(name, name)
