"""Remedies for commands of nnU-Net that do not train: what continues them, and what means nothing to them."""

from __future__ import annotations

from holter.causes.offers import Offer

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


def only_trains(offer: Offer) -> bool:
    """Return whether an offer means nothing to a command that predicts, preprocesses or evaluates."""
    return offer.of_training or any(word in (offer.command or "") for word in OF_TRAINING)


def of_work(name: str, work: str) -> str:
    """Return the id of the remedy for a command of nnU-Net that does not train; ``name`` itself if it fits unchanged.

    ``work``: what the command does, such as ``prediction``.
    """
    return (PREDICT_AGAIN if work == "prediction" else AGAIN).get(name, name)
