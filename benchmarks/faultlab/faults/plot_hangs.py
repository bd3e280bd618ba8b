"""nnU-Net's plot of the network waits for graphviz, which does not end."""

from __future__ import annotations

import os

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside, Printed
from benchmarks.survival.fault import Stage


class PlotHangs(Fault):
    """Before the first epoch nothing is known of this run: start-up is allowed three minutes."""

    name = "plot-hangs"
    summary = "the plot of the network, before the first epoch, never ends"
    cause = "plot-or-extra-hook-hang"
    gradual = True
    acts = True
    trainer = "nnUNetTrainerPlots"
    watch_s = 215.0
    limit_s = 360.0

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create a program of that name that only sleeps."""
        program = stage.folder / "bin" / "dot"
        program.parent.mkdir()
        self._begun = stage.folder / "dot-has-begun"
        program.write_text(f"#!/bin/sh\ntouch {self._begun}\nexec sleep 100000\n")
        program.chmod(0o755)
        return {"PATH": os.pathsep.join([str(program.parent), os.environ.get("PATH", "/usr/bin:/bin")])}

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Count from the call of the program."""
        return self._begun.exists()

    def inject(self, outside: Outside) -> None:
        """Record the time; it hangs already."""
        self.strike()


SCENARIO = PlotHangs
