"""wsl2-limits: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.circumstances import DEATH
from causes.judge import judged
from causes.laws import ConfirmedLaws, LookAlike


class TestWsl2Limits(ConfirmedLaws):
    cause = "wsl2-limits"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": ("train-worker 1 (PID 7)",),
        "workers.count": 6, "system.virtual_machine": "wsl", "storage.windows_drive": True, "storage.fs_type": "9p",
        "wait.ratio": 0.9, "storage.latency_s": 0.9, "main.waits_on": "batch-queue",
    }  # fmt: skip
    look_alikes = (
        # The same mount outside WSL.
        LookAlike(
            {"system.virtual_machine": "none", "storage.windows_drive": ..., "storage.fs_type": "nfs4"},
            "slow-storage",
            is_confirmed=False,
        ),
        # On a Windows drive, but steps do not wait for it.
        LookAlike({"workers.blocked": (), "wait.ratio": 0.05}),
    )  # fmt: skip


@pytest.mark.parametrize(("machine", "first"), [("wsl", "wsl2-limits"), ("none", "main-exception")])
def test_pinning_that_fails_is_a_limit_of_wsl_only_in_wsl(machine, first):
    facts = {**DEATH, "exception.kind": "pinned-memory", "exception.pinned_memory": True, "exception.role": "main"}
    found = judged({**facts, "exception.first": "RuntimeError", "system.virtual_machine": machine})
    assert next(iter(found)) == first


@pytest.mark.parametrize(
    "facts",
    [
        {"episode.kind": "death", "wait.ratio": 0.9, "exception.first": "ValueError: x", "exception.kind": "other"},
        {"episode.kind": "slow-down"},
        {"episode.kind": "slow-down", "wait.ratio": 0.25, "workers.blocked": ()},
    ],
)
def test_data_on_a_windows_drive_explain_only_a_wait_for_them(facts):
    drive = {"system.virtual_machine": "wsl", "storage.windows_drive": True, "workers.stopped": ()}
    assert judged(**drive, **facts)["wsl2-limits"].verdict == "possible"
    waits = judged(**drive, episode__kind="slow-down", wait__ratio=0.4)
    assert waits["wsl2-limits"].verdict == "confirmed"
