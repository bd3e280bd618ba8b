"""Two pauses of eight seconds in a whole run: a cold cache, a restarted server."""

from __future__ import annotations

from benchmarks.faultlab.fault import ArmedTraining, Healthy
from benchmarks.faults.outside import Outside

SECOND_S = 14.0


class FewPauses(ArmedTraining, Healthy):
    """Only those two pauses."""

    name = "few-pauses"
    summary = "a step takes eight seconds, twice in the run"
    trainer = "nnUNetTrainerPauses"
    epochs = 6

    def step(self, outside: Outside, since_s: float) -> None:
        """End the pauses after the second one."""
        if since_s >= SECOND_S:
            self.arm.unlink(missing_ok=True)


SCENARIO = FewPauses
