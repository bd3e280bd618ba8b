"""One of two ranks does not reach the next collective call; the other one waits for it."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed
from benchmarks.survival.fault import Stage


class RankBehind(Armed):
    """Two real ranks over gloo, on the CPU; with NCCL the wait ends after ten minutes."""

    name = "rank-behind"
    summary = "one of two DDP ranks sleeps in its step while the other one waits for it"
    cause = "ddp-collective-timeout"
    acts = True
    trainer = "nnUNetTrainerTwoRanks"
    variables = {"nnUNet_n_proc_DA": "1"}

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the file for their rendezvous."""
        return {**super().prepare(stage), "FAULTLAB_MEETING": str(stage.folder / "meeting")}


SCENARIO = RankBehind
