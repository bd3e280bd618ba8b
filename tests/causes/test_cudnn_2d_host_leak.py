"""cudnn-2d-host-leak: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestCudnn2dHostLeak(ConfirmedLaws):
    cause = "cudnn-2d-host-leak"
    confirmed_by = {
        "episode.kind": "creep", "phase": "train", "system.os": "linux", "oom.kills": 0, "software.cudnn": "7605",
        "plan.configuration": "2d", "memory.grows_in": "main",
    }  # fmt: skip
    look_alikes = (
        LookAlike({"software.cudnn": "8902"}),
        LookAlike({"plan.configuration": "3d_fullres"}),
        LookAlike({"memory.grows_in": "workers"}),
    )  # fmt: skip
