"""One of three data workers hangs forever; the others supply the training, which continues."""

from __future__ import annotations

from benchmarks.faultlab.standing import OneWorkerBusy

AFTERWARDS_S = 110.0  # a notice takes a minute and a half


class LostWorker(OneWorkerBusy):
    """Worth a notice but no alarm."""

    name = "lost-worker"
    summary = "one of three data workers does not come back from a transform, the others go on"
    notices = ("lost-worker",)
    trainer = "nnUNetTrainerOneWorkerStands"
    variables = {"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": f"{AFTERWARDS_S:.0f}"}
    epochs = 200
    limit_s = 420.0


SCENARIO = LostWorker
