"""main-stands-still: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged


@pytest.mark.parametrize(
    "gpu", [{"gpu.licence_stage": "unlicensed-restricted"}, {"gpu.licence_stage": ..., "gpu.trouble": "lost"}]
)
def test_code_that_waits_for_a_throttled_or_lost_gpu_is_not_the_cause(gpu):
    stands = {
        "episode.kind": "stall", "main.stands_at": "read_loss (mine.py:9)", "main.stands_in": "native-loop",
        "main.waits_on": "python", "main.state": "R", "workers.stopped": (), "frozen.processes": (),
        "main.extra_step": ..., "storage.pending_s": 0.0, "disk.error": ..., "ddp.behind": ...,
        "finish.done": False, "main.alive": True, "gpu.present": True, "queue.ready": "full",
    }  # fmt: skip
    assert judged(**stands, **gpu)["main-stands-still"].verdict != "confirmed"
    healthy = judged(**stands, gpu__licence_stage=..., gpu__trouble=...)
    assert healthy["main-stands-still"].verdict == "confirmed"
