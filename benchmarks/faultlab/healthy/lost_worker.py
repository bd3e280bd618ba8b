"""One of three data workers hangs for ever; the others feed the training, which goes on."""

from __future__ import annotations

from benchmarks.faultlab.standing import OneWorkerBusy

AFTERWARDS_S = 110.0  # a notice takes a minute and a half


class LostWorker(OneWorkerBusy):
    """Worth a line and no alarm."""

    name = "lost-worker"
    summary = "one of three data workers does not come back from a transform, the others go on"
    notices = ("lost-worker",)
    trainer = "nnUNetTrainerOneWorkerStands"
    variables = {"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": f"{AFTERWARDS_S:.0f}"}
    epochs = 200
    limit_s = 420.0


SCENARIO = LostWorker
