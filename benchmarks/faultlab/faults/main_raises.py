"""The main process raises in the middle of an epoch: its loss gets an unexpected shape."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class MainRaises(Armed):
    """A thread of the loader reports dead workers a moment later; that is the echo."""

    name = "main-raises"
    summary = "the loss raises; the workers that end with it are complained of too"
    cause = "main-exception"
    acts = True
    trainer = "nnUNetTrainerLossRaises"


SCENARIO = MainRaises
