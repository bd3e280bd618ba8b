"""gpu-lost-or-gsp: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import confirmed, judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestGpuLostOrGsp(ConfirmedLaws, LikelyLaws):
    cause = "gpu-lost-or-gsp"
    confirmed_by = {
        "episode.kind": "stall", "gpu.licence_stage": ..., "gpu.throttled": ..., "gpu.shared": ...,
        "gpu.trouble": "lost", "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "setting.nccl_p2p": ..., "setting.compile": ..., "progress.resumed": False, "main.alive": True,
        "cpu.throttled_ratio": ..., "gpu.xid_kind": "gone", "main.state": "D",
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "gpu-lost"},)  # fmt: skip
    look_alikes = (
        LookAlike({"gpu.trouble": ..., "gpu.xid_kind": "application"}),
        # A GPU of somebody else falls off the bus while our training waits for its workers.
        LookAlike({"gpu.trouble": ..., "main.waits_on": "batch-queue"}),
    )  # fmt: skip


def test_a_lost_gpu_is_more_than_a_stall_on_its_side():
    facts = {
        **TestGpuLostOrGsp.confirmed_by, "main.waits_on": "native-call", "queue.ready": "full", "gpu.present": True,
        "wait.ratio": 0.0,
    }  # fmt: skip
    found = judged(facts)
    assert confirmed(found) == ["gpu-lost-or-gsp"]
    assert found["gpu-side-stall"].verdict == "likely"
