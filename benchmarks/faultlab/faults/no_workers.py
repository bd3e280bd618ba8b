"""nnUNet_n_proc_DA=0, a popular workaround, with a costly augmentation."""

from __future__ import annotations

from benchmarks.faultlab.fault import FromTheStart


class NoWorkers(FromTheStart):
    """The main process augments by itself, one batch after the other."""

    name = "no-workers"
    summary = "nnUNet_n_proc_DA=0: the main process makes every batch itself"
    cause = "data-workers-zero-fix"
    gradual = True
    trainer = "nnUNetTrainerHeavyAugmentation"
    variables = {"nnUNet_n_proc_DA": "0"}
    watch_s = 200.0
    limit_s = 360.0


SCENARIO = NoWorkers
