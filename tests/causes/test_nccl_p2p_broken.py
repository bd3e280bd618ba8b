"""nccl-p2p-broken: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestNcclP2pBroken(ConfirmedLaws):
    cause = "nccl-p2p-broken"
    confirmed_by = {
        "episode.kind": "stall", "gpu.licence_stage": ..., "gpu.throttled": ..., "gpu.shared": ...,
        "gpu.trouble": ..., "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "setting.nccl_p2p": ..., "setting.compile": ..., "progress.resumed": False, "main.alive": True,
        "cpu.throttled_ratio": ..., "ddp.ranks": 2, "ddp.steps": 0, "activity.present": True, "ddp.behind": (),
        "gpu.spinning": ("GPU 0", "GPU 1"), "system.gpu_iommu": "translated", "gpu.pcie_busy_ratio": 0.0,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"ddp.behind": ("PID 12 (waits for train-batch)",)}, "ddp-collective-timeout"),
        LookAlike({"ddp.steps": 400}),
        LookAlike({"setting.nccl_p2p": False}),
    )  # fmt: skip
