"""The training ends with exit code 0 in the middle of its run."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class MainLeaves(Armed):
    """The trainer calls sys.exit(0) in the middle of an epoch."""

    name = "main-leaves"
    summary = "the trainer calls sys.exit(0) in the middle of an epoch"
    cause = "ended-early"
    trainer = "nnUNetTrainerLeaves"
    acts = True


SCENARIO = MainLeaves
