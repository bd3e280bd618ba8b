"""Lines of the training log take two seconds each to write, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import BadFolder
from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside


class SlowLog(Healthy):
    """As a results folder on a file server that is busy; between epochs a quarter of a minute passes."""

    name = "slow-log"
    summary = "each line of the training log takes two seconds to write"
    epochs = 2
    iterations = 20

    def __init__(self) -> None:
        super().__init__()
        self._bad: BadFolder | None = None

    def needs(self) -> str | None:
        """FUSE."""
        return BadFolder.needs()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount the results."""
        results = stage.folder / "real-results"
        results.mkdir()
        self._bad = BadFolder(stage.folder, results, "slow-writes")
        self._bad.mount()
        return {"nnUNet_results": str(self._bad.mounted)}

    def is_time(self, outside: Outside, printed: object) -> bool:
        """When the first epoch has begun."""
        return bool(outside.printed().begun)

    def inject(self, outside: Outside) -> None:
        """Slow from now on."""
        assert self._bad is not None
        self._bad.set_bad(True)

    def relieve(self) -> None:
        """Fast again."""
        if self._bad is not None:
            self._bad.set_bad(False)

    def undo(self) -> None:
        """Unmount it."""
        if self._bad is not None:
            self._bad.unmount()


SCENARIO = SlowLog
