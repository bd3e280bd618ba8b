"""A killed run is resumed with the same console file: the first run's lines in it are no news."""

from __future__ import annotations

from benchmarks.faultlab.healthy.continued import Continued
from benchmarks.faultlab.old_console import OLD
from benchmarks.survival.fault import Stage

KILLED = "[1]+  Killed                  nnUNetv2_train 801 3d_fullres 0"


class KilledAndContinued(Continued):
    """The console has the shell's message, and a checkpoint exists."""

    name = "killed-and-continued"
    summary = "a run that was killed before is continued with --c, into the same console"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Write the shell's message."""
        (stage.folder / "output.txt").write_text(f"{OLD}{KILLED}\n")
        return super().prepare(stage)


SCENARIO = KilledAndContinued
