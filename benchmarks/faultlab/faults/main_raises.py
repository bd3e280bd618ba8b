"""The main process raises in the middle of an epoch: its loss meets a shape that it does not know."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class MainRaises(Armed):
    """A thread of the loader complains of dead workers a moment later; that is the echo."""

    name = "main-raises"
    summary = "the loss raises; the workers that end with it are complained of too"
    cause = "main-exception"
    acts = True
    trainer = "nnUNetTrainerLossRaises"


SCENARIO = MainRaises
