"""A huge case takes a worker a third of a minute, now and then; the others go on."""

from __future__ import annotations

from benchmarks.faultlab.fault import ARMED_BY, Healthy
from benchmarks.survival.fault import Stage


class HugeCase(Healthy):
    """It comes in the end."""

    name = "huge-case"
    summary = "a batch of one worker takes 40 s, while the others deliver theirs"
    trainer = "nnUNetTrainerHugeCases"
    variables = {"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": "40"}
    epochs = 14

    def prepare(self, stage: Stage) -> dict[str, str]:
        """It is so from the beginning."""
        arm = stage.folder / "armed"
        arm.touch()
        return {**super().prepare(stage), ARMED_BY: str(arm)}


SCENARIO = HugeCase
