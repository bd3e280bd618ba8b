"""mig-slice-too-small: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestMigSliceTooSmall(ConfirmedLaws, LikelyLaws):
    cause = "mig-slice-too-small"
    confirmed_by = {
        "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …",
        "worker.exit_signal": ..., "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ...,
        "exception.truncated_file": False, "gpu.mig": True, "gpu.xid_kind": ..., "setting.compile": ...,
        "gpu.trouble": ..., "oom.kills": 0, "exception.kind": "cuda-oom", "exception.cuda_oom": True,
        "gpu.slice_bytes": 5000000000.0, "gpu.memory_ratio": 0.98,
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "cuda-oom", "gpu.mig": True},)  # fmt: skip
    look_alikes = (
        LookAlike({"gpu.mig": False, "gpu.slice_bytes": ..., "gpu.zombie_bytes": 0}, "gpu-out-of-memory"),
        LookAlike({"gpu.slice_bytes": 40000000000.0}),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["stall", "slow-down", "death"])
def test_a_small_slice_that_is_full_has_not_refused_anything(kind):
    slice_ = {"gpu.mig": True, "gpu.slice_bytes": 5e9, "gpu.memory_ratio": 0.95}
    assert judged(episode__kind=kind, **slice_)["mig-slice-too-small"].verdict == "possible"
