"""Lines of the training log take two seconds each to write, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import OnBadFolder
from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside
from benchmarks.survival.fault import Stage


class SlowLog(OnBadFolder, Healthy):
    """As with results on a busy file server; 15 seconds pass between epochs."""

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
        """Break it when the first epoch has started."""
        return bool(outside.printed().begun)


SCENARIO = SlowLog
