"""A single core for the training and all its workers, with an augmentation that needs more."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faultlab.fault import FromTheStart


class FewCores(FromTheStart):
    """As with a scheduler job of one core: nnU-Net uses the machine's number of cores."""

    name = "few-cores"
    summary = "the training may use one core only, from the beginning"
    cause = "few-cores-allocated"
    also = ("cpu-starved-augmentation",)
    gradual = True
    trainer = "nnUNetTrainerHeavyAugmentation"
    watch_s = 200.0
    limit_s = 360.0

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Bind it to the first core."""
        return ["taskset", "-c", "0", *command]


SCENARIO = FewCores
