"""The share with the results does not answer for 40 seconds; the data is on another disk."""

from __future__ import annotations

from benchmarks.faultlab.faults.share_hangs import ShareHangs
from benchmarks.survival.fault import Stage


class ResultsHang(ShareHangs):
    """The main process is stuck in a write of its log or checkpoint; workers are idle, with full queues."""

    name = "share-results-hang"
    summary = "the share with the results alone does not answer for 40 s, and is back"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount the results."""
        share = stage.folder / "share"
        share.mkdir()
        mounted = self.mount(stage, share, "hangs")
        (stage.folder / "results").symlink_to(mounted)
        return {"nnUNet_results": str(mounted)}


SCENARIO = ResultsHang
