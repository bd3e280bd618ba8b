"""A huge case takes a worker a third of a minute, now and then; the others go on."""

from __future__ import annotations

from benchmarks.faultlab.fault import ARMED_BY, Healthy
from benchmarks.faultlab.standing import WHERE
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside


class HugeCase(Healthy):
    """It comes in the end."""

    name = "huge-case"
    summary = "a batch of one worker takes 40 s, while the others deliver theirs"
    trainer = "nnUNetTrainerHugeCases"
    variables = {"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": "40"}
    epochs = 14
    limit_s = 420.0

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Tell the trainer where to look."""
        self._arm = stage.folder / "armed"
        return {**super().prepare(stage), ARMED_BY: str(self._arm), WHERE: str(stage.folder / "taken")}

    def inject(self, outside: Outside) -> None:
        """One comes."""
        self.strike()
        self._arm.touch()


SCENARIO = HugeCase
