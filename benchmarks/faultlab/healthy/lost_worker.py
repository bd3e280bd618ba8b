"""One of three data workers hangs for ever; the others feed the training, which goes on."""

from __future__ import annotations

from benchmarks.faultlab.fault import ARMED_BY, Healthy
from benchmarks.faultlab.standing import WHERE
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside

AFTERWARDS_S = 110.0  # a notice takes a minute and a half


class LostWorker(Healthy):
    """Worth a line and no alarm."""

    name = "lost-worker"
    summary = "one of three data workers does not come back from a transform, the others go on"
    notices = ("lost-worker",)
    trainer = "nnUNetTrainerOneWorkerStands"
    variables = {"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": f"{AFTERWARDS_S:.0f}"}
    epochs = 200
    limit_s = 420.0

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Tell the trainer where to look."""
        self._arm = stage.folder / "armed"
        return {**super().prepare(stage), ARMED_BY: str(self._arm), WHERE: str(stage.folder / "taken")}

    def inject(self, outside: Outside) -> None:
        """From here on."""
        self.strike()
        self._arm.touch()


SCENARIO = LostWorker
