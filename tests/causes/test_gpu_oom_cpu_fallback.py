"""gpu-oom-cpu-fallback: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestGpuOomCpuFallback(ConfirmedLaws, LikelyLaws):
    cause = "gpu-oom-cpu-fallback"
    confirmed_by = {
        "episode.kind": "stall", "gpu.licence_stage": ..., "gpu.throttled": ..., "gpu.shared": ...,
        "gpu.trouble": ..., "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "setting.nccl_p2p": ..., "setting.compile": ..., "progress.resumed": False, "main.alive": True,
        "cpu.throttled_ratio": ..., "predict.on_cpu": True, "phase": "final-validation",
        "main.waits_on": "native-call", "main.exit_signal": ...,
    }  # fmt: skip
    likely_by = ({"predict.on_cpu": True},)  # fmt: skip
    look_alikes = (
        LookAlike({"main.waits_on": "export-result"}),
    )  # fmt: skip
