"""Epochs of two steps: checkpoints, logs and plots all the time."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class TinyEpochs(Healthy):
    """The pauses between steps take longer than the steps."""

    name = "tiny-epochs"
    summary = "twelve epochs of two steps each"
    epochs = 12
    iterations = 2
    val_iterations = 1


SCENARIO = TinyEpochs
