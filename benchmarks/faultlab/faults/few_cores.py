"""A single core for the training and all its workers, with an augmentation that needs more."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faultlab.fault import FromTheStart


class FewCores(FromTheStart):
    """As a scheduler that was asked for one core: nnU-Net goes by the number that the machine has."""

    name = "few-cores"
    summary = "the training may use one core only, from the beginning"
    cause = "few-cores-allocated"
    also = ("cpu-starved-augmentation",)
    gradual = True
    trainer = "nnUNetTrainerHeavyAugmentation"
    watch_s = 200.0
    limit_s = 360.0

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Bound to the first core."""
        return ["taskset", "-c", "0", *command]


SCENARIO = FewCores
