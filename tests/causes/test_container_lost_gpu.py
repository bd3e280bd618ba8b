"""container-lost-gpu: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestContainerLostGpu(ConfirmedLaws, LikelyLaws):
    cause = "container-lost-gpu"
    confirmed_by = {
        "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …",
        "worker.exit_signal": ..., "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ...,
        "exception.truncated_file": False, "gpu.mig": False, "gpu.xid_kind": ..., "setting.compile": ...,
        "gpu.trouble": "forbidden", "oom.kills": 0, "system.container": "docker", "exception.kind": "gpu-missing",
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "gpu-missing", "system.container": "docker"},)  # fmt: skip
    look_alikes = (
        LookAlike({"gpu.trouble": ...}),
        LookAlike({"system.container": "none"}, "main-exception"),
    )  # fmt: skip
