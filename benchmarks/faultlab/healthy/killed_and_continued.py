"""A run that was killed is taken up again, into the same console: what the first one left there is no news."""

from __future__ import annotations

from benchmarks.faultlab.healthy.continued import Continued
from benchmarks.faultlab.old_console import OLD
from benchmarks.survival.fault import Stage

KILLED = "[1]+  Killed                  nnUNetv2_train 801 3d_fullres 0"


class KilledAndContinued(Continued):
    """The words of the shell are in the console, and a checkpoint is there."""

    name = "killed-and-continued"
    summary = "a run that was killed before is continued with --c, into the same console"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """What the shell said."""
        (stage.folder / "output.txt").write_text(f"{OLD}{KILLED}\n")
        return super().prepare(stage)


SCENARIO = KilledAndContinued
