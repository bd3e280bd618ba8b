"""Another training starts beside this one and ends after 15 seconds."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside, end_session
from benchmarks.survival.fault import Stage

LASTS_S = 12.0


class OtherTraining(Healthy):
    """Both share the processor for that time."""

    name = "other-training"
    summary = f"another training starts and is ended after {LASTS_S:.0f} s"
    epochs = 5

    def __init__(self) -> None:
        super().__init__()
        self._other: subprocess.Popen[bytes] | None = None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Remember the stage."""
        self._stage = stage
        return {}

    def inject(self, outside: Outside) -> None:
        """Start it."""
        self.strike()
        brains = self._stage.brains
        environment = {**brains.environment(), "nnUNet_results": str(self._stage.folder / "other-results")}
        self._other = subprocess.Popen(
            [sys.executable, *brains.command(fold="1")[1:]],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def step(self, outside: Outside, since_s: float) -> None:
        """End it after ``LASTS_S``."""
        if since_s >= LASTS_S:
            self.relieve()

    def relieve(self) -> None:
        """End it."""
        if self._other is not None:
            end_session(self._other.pid)
            self._other.wait()
            self._other = None

    def undo(self) -> None:
        """End it."""
        self.relieve()


SCENARIO = OtherTraining
