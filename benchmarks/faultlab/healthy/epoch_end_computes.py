"""A long computation by the user's own code at the end of each epoch."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class EpochEndComputes(Healthy):
    """Computes for a minute at the end of each epoch, outside nnU-Net's code."""

    name = "epoch-end-computes"
    summary = "at the end of each epoch a minute of computing that is no part of nnU-Net"
    trainer = "nnUNetTrainerSummary"
    variables = {"FAULTLAB_LASTS_S": "60"}


SCENARIO = EpochEndComputes
