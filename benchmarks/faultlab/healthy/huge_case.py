"""A huge case takes a worker twenty seconds now and then; the other workers continue."""

from __future__ import annotations

from benchmarks.faultlab.standing import OneWorkerBusy


class HugeCase(OneWorkerBusy):
    """The case comes in the end."""

    name = "huge-case"
    summary = "a batch of one worker takes 40 s, while the others deliver theirs"
    trainer = "nnUNetTrainerHugeCases"
    variables = {"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": "40"}
    epochs = 14
    limit_s = 420.0


SCENARIO = HugeCase
