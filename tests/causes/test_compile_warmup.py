"""compile-warmup: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestCompileWarmup(ConfirmedLaws, LikelyLaws):
    cause = "compile-warmup"
    confirmed_by = {
        "episode.kind": "stall", "gpu.licence_stage": ..., "gpu.throttled": ..., "gpu.shared": ...,
        "gpu.trouble": ..., "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "setting.nccl_p2p": ..., "setting.compile": ..., "progress.resumed": False, "main.alive": True,
        "cpu.throttled_ratio": ..., "phase": "compile", "compile.children": ("cc1plus", "ptxas"),
        "compile.started": True, "activity.present": True,
    }  # fmt: skip
    likely_by = ({"epochs.shape": "first-only", "compile.started": True},)  # fmt: skip
    look_alikes = (
        LookAlike({"activity.present": False, "compile.children": ()}),
        LookAlike({"setting.compile": False, "phase": "train"}),
    )  # fmt: skip
