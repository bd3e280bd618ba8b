"""Two pauses of eight seconds in a whole run: a cold cache, a server that was restarted."""

from __future__ import annotations

from benchmarks.faultlab.fault import ARMED_BY, Healthy
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside

SECOND_S = 14.0


class FewPauses(Healthy):
    """No more than that."""

    name = "few-pauses"
    summary = "a step takes eight seconds, twice in the run"
    trainer = "nnUNetTrainerPauses"
    epochs = 6

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Tell the trainer where to look."""
        self._arm = stage.folder / "armed"
        return {**super().prepare(stage), ARMED_BY: str(self._arm)}

    def inject(self, outside: Outside) -> None:
        """The first one, and the second."""
        self.strike()
        self._arm.touch()

    def step(self, outside: Outside, since_s: float) -> None:
        """No more."""
        if since_s >= SECOND_S:
            self._arm.unlink(missing_ok=True)


SCENARIO = FewPauses
