"""gpu-out-of-memory: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.circumstances import DIED
from causes.judge import confirmed, judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestGpuOutOfMemory(ConfirmedLaws, LikelyLaws):
    cause = "gpu-out-of-memory"
    confirmed_by = {
        "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …",
        "worker.exit_signal": ..., "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ...,
        "exception.truncated_file": False, "gpu.mig": False, "gpu.xid_kind": ..., "setting.compile": ...,
        "gpu.trouble": ..., "oom.kills": 0, "exception.kind": "cuda-oom", "exception.cuda_oom": True,
        "gpu.memory_ratio": 0.98, "gpu.zombie_bytes": 0,
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "cuda-oom"},)  # fmt: skip
    look_alikes = (
        LookAlike({"exception.kind": "pinned-memory", "exception.pinned_memory": True}, "main-exception"),
        LookAlike({"gpu.shared": "memory", "gpu.zombie_bytes": 20000000000.0}, "gpu-shared-or-zombie"),
        LookAlike({"gpu.mig": True, "gpu.slice_bytes": 5000000000.0}, "mig-slice-too-small"),
    )  # fmt: skip


@pytest.mark.parametrize("shared", ["memory", ...])
def test_out_of_gpu_memory_is_others_only_where_they_hold_it(shared):
    found = judged(
        **DIED, exception__role="main", exception__first="OutOfMemoryError: CUDA out of memory",
        exception__kind="cuda-oom", gpu__zombie_bytes=0, gpu__mig=False,
        exception__cuda_oom=True, gpu__shared=shared, disk__error=..., shm__trouble=..., worker__exit_signal=...,
        gpu__throttled=...,
    )  # fmt: skip
    expected = "gpu-out-of-memory" if shared is ... else "gpu-shared-or-zombie"
    assert confirmed(found) == [expected]
