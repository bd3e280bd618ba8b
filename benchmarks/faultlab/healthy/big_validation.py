"""The validation part of an epoch is longer than its training part."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class BigValidation(Healthy):
    """Steps are faster there, and batches wait longer."""

    name = "big-validation"
    summary = "epochs with 10 steps of training and 80 of validation"
    epochs = 2
    iterations = 10
    val_iterations = 80


SCENARIO = BigValidation
