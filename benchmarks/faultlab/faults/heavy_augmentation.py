"""Augmentation costs more than the processor can do while the network trains."""

from __future__ import annotations

from benchmarks.faultlab.fault import FromTheStart


class HeavyAugmentation(FromTheStart):
    """All that the machine has is used, and it is not enough."""

    name = "heavy-augmentation"
    summary = "the augmentation of every case costs eighty times as much, from the beginning"
    cause = "cpu-starved-augmentation"
    gradual = True
    trainer = "nnUNetTrainerHeavyAugmentation"
    watch_s = 200.0
    limit_s = 360.0


SCENARIO = HeavyAugmentation
