"""Augmentation needs more CPU than the machine has while the network trains."""

from __future__ import annotations

from benchmarks.faultlab.fault import FromTheStart


class HeavyAugmentation(FromTheStart):
    """All cores are busy, and they are not enough."""

    name = "heavy-augmentation"
    summary = "the augmentation of every case costs eighty times as much, from the beginning"
    cause = "cpu-starved-augmentation"
    gradual = True
    trainer = "nnUNetTrainerHeavyAugmentation"
    watch_s = 200.0
    limit_s = 360.0


SCENARIO = HeavyAugmentation
