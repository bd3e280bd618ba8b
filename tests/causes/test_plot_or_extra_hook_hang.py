"""plot-or-extra-hook-hang: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.circumstances import CROWDED_STALL
from causes.judge import judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike
from holter.evidence.frames import place
from holter.records import Frame, ThreadStack


class TestPlotOrExtraHookHang(ConfirmedLaws, LikelyLaws):
    cause = "plot-or-extra-hook-hang"
    confirmed_by = {
        "episode.kind": "stall", "workers.stopped": (), "workers.blocked": (), "main.alive": True,
        "main.extra_step": "plot_network_architecture (nnUNetTrainer.py:570)", "main.state": "S", "phase": "startup",
        "activity.present": False,
    }  # fmt: skip
    likely_by = ({"exception.kind": "plot"},)  # fmt: skip
    look_alikes = (
        LookAlike({"main.extra_step": ...}),
    )  # fmt: skip


def test_a_step_that_waits_for_a_server_is_in_an_extra_step_and_in_no_native_call():
    frames = (
        Frame(function="SocketIO.readinto", file="/usr/lib/python3.11/socket.py", line=706),
        Frame(function="HTTPResponse.begin", file="/usr/lib/python3.11/http/client.py", line=318),
        Frame(function="MyTrainer.upload", file="/home/a/my_trainer.py", line=31),
        Frame(function="MyTrainer.train_step", file="/home/a/my_trainer.py", line=26),
    )
    assert place(ThreadStack(name="MainThread", frames=frames, state="S", syscall="recvfrom")) == (
        "python", "MyTrainer.upload (my_trainer.py:31)",
    )  # fmt: skip
    found = judged(
        {**CROWDED_STALL, "main.waits_on": "python", "main.extra_step": "MyTrainer.upload", "disk.error": ...}
    )
    assert found["plot-or-extra-hook-hang"].verdict == "confirmed"
    assert found["gpu-side-stall"].verdict == "excluded"


@pytest.mark.parametrize("lack", [{"disk.error": "read-only", "disk.read_only": True}, {"disk.full": True}])
def test_drawing_is_not_blamed_where_nothing_can_be_written(lack):
    found = judged({"episode.kind": "stall", "main.extra_step": "plot_progress_png", **lack})
    assert found["plot-or-extra-hook-hang"].verdict == "excluded"


def test_an_optional_step_beside_a_frozen_worker_is_not_confirmed():
    plot = {
        "episode.kind": "stall",
        "main.extra_step": "plot_progress_png",
        "main.state": "S",
        "workers.blocked": (),
    }
    assert judged(**plot, workers__stopped=())["plot-or-extra-hook-hang"].verdict == "confirmed"
    frozen = judged(**plot, workers__stopped=("train-worker 3 (PID 9)",))
    assert frozen["plot-or-extra-hook-hang"].verdict != "confirmed"
    assert next(iter(frozen)) == "frozen-worker"
