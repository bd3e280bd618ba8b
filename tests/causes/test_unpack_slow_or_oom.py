"""unpack-slow-or-oom: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged
from causes.laws import ConfirmedLaws, LookAlike


class TestUnpackSlowOrOom(ConfirmedLaws):
    cause = "unpack-slow-or-oom"
    confirmed_by = {
        "episode.kind": "death", "phase": "unpack", "exception.first": ..., "exception.kind": ...,
        "worker.exit_signal": ..., "main.exit_signal": ..., "shm.trouble": ..., "export.replaced": ...,
        "echo.says": "training", "system.os": "linux", "software.batchgenerators": "0.25.5", "oom.kills": 1,
        "progress.resumed": False,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"phase": "train", "worker.exit_signal": 9}, "ram-oom-train-worker"),
        LookAlike({"progress.resumed": True}),
        LookAlike({"exception.kind": "other", "exception.first": "BrokenPipeError", "oom.kills": 0}),
    )  # fmt: skip


@pytest.mark.parametrize("sign", [{"activity.present": True}, {"workers.blocked": ("w",)}])
def test_slow_unpacking_explains_no_death(sign):
    facts = {"phase": "unpack", "progress.resumed": False, "exception.kind": ..., **sign}
    assert judged(episode__kind="stall", **facts)["unpack-slow-or-oom"].verdict == "confirmed"
    killed = judged(episode__kind="death", main__exit_signal=15, oom__kills=0, **facts)
    assert killed["unpack-slow-or-oom"].verdict in ("possible", "excluded")
