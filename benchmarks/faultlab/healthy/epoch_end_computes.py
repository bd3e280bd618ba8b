"""A long computation of the user's own at the end of each epoch."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class EpochEndComputes(Healthy):
    """At the end of each epoch a minute of computing that is no part of nnU-Net."""

    name = "epoch-end-computes"
    summary = "at the end of each epoch a minute of computing that is no part of nnU-Net"
    trainer = "nnUNetTrainerSummary"
    variables = {"FAULTLAB_LASTS_S": "60"}


SCENARIO = EpochEndComputes
