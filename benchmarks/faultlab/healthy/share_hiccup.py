"""The share with data and results does not answer for five seconds, and is back."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import BadFolder
from benchmarks.faultlab.fault import Healthy
from benchmarks.faultlab.faults.share_hangs import ShareHangs
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside

HANGS_S = 5.0


class ShareHiccup(Healthy):
    """Shorter than anybody needs to know."""

    name = "share-hiccup"
    summary = f"the share with data and results does not answer for {HANGS_S:.0f} s, and is back"
    epochs = 4

    def __init__(self) -> None:
        super().__init__()
        self._share = ShareHangs()

    def needs(self) -> str | None:
        """FUSE."""
        return BadFolder.needs()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount it."""
        return self._share.prepare(stage)

    def inject(self, outside: Outside) -> None:
        """It does not answer."""
        self.strike()
        self._share.inject(outside)

    def step(self, outside: Outside, since_s: float) -> None:
        """It answers."""
        if since_s >= HANGS_S:
            self.relieve()

    def relieve(self) -> None:
        """It answers."""
        self._share.relieve()
        self.repaired()

    def undo(self) -> None:
        """Unmount it."""
        self._share.undo()


SCENARIO = ShareHiccup
