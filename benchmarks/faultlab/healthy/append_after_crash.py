"""The console is appended to a file that ends with the death of the previous run (Slurm's append mode)."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.faultlab.old_console import OLD
from benchmarks.survival.fault import Stage


class AppendAfterCrash(Healthy):
    """The file's last lines are a traceback; the start is slow, and nothing is wrong."""

    name = "append-after-crash"
    summary = "the console is appended to that of a run that died; the start takes three minutes"
    limit_s = 420.0
    trainer = "nnUNetTrainerLongStart"
    variables = {"FAULTLAB_LASTS_S": "170"}

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Write the output of the previous run."""
        (stage.folder / "output.txt").write_text(OLD)
        return super().prepare(stage)


SCENARIO = AppendAfterCrash
