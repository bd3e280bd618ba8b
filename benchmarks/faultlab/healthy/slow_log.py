"""Lines of the training log take two seconds each to write, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import OnBadFolder
from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside


class SlowLog(OnBadFolder, Healthy):
    """As a results folder on a file server that is busy; between epochs a quarter of a minute passes."""

    name = "slow-log"
    summary = "each line of the training log takes two seconds to write"
    epochs = 2
    iterations = 20

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount the results."""
        results = stage.folder / "real-results"
        results.mkdir()
        return {"nnUNet_results": str(self.mount(stage, results, "slow-writes"))}

    def is_time(self, outside: Outside, printed: object) -> bool:
        """When the first epoch has begun."""
        return bool(outside.printed().begun)


SCENARIO = SlowLog
