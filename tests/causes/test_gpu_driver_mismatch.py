"""gpu-driver-mismatch: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestGpuDriverMismatch(ConfirmedLaws, LikelyLaws):
    cause = "gpu-driver-mismatch"
    confirmed_by = {
        "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …",
        "worker.exit_signal": ..., "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ...,
        "exception.truncated_file": False, "gpu.mig": False, "gpu.xid_kind": ..., "setting.compile": ...,
        "gpu.trouble": ..., "oom.kills": 0, "exception.kind": "cuda-mismatch", "gpu.driver_fits": False,
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "cuda-mismatch"},)  # fmt: skip
    look_alikes = (
        LookAlike({"gpu.driver_fits": True, "gpu.capability_fits": True}),
    )  # fmt: skip
