"""The console goes to the end of a file that ends with the death of the run before (Slurm's append mode)."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.faultlab.old_console import OLD
from benchmarks.survival.fault import Stage


class AppendAfterCrash(Healthy):
    """Its last lines are a traceback; the start is slow, and nothing is wrong with it."""

    name = "append-after-crash"
    summary = "the console is appended to that of a run that died; the start takes three minutes"
    limit_s = 420.0
    trainer = "nnUNetTrainerLongStart"
    variables = {"FAULTLAB_LASTS_S": "170"}

    def prepare(self, stage: Stage) -> dict[str, str]:
        """What the run before has left."""
        (stage.folder / "output.txt").write_text(OLD)
        return super().prepare(stage)


SCENARIO = AppendAfterCrash
