"""export-lost-result-hang: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import confirmed, judged


def test_a_lost_result_and_its_reason_are_ranked_by_the_reason() -> None:
    hang = {"episode.kind": "stall", "phase": "final-validation", "main.waits_on": "export-result",
            "export.replaced": 1, "activity.present": False, "exception.kind": ..., "echo.says": ...,
            "worker.exit_signal": 9, "shm.trouble": ...}  # fmt: skip
    assert confirmed(judged({**hang, "oom.kills": 1})) == ["export-ram-oom"]
    assert confirmed(judged({**hang, "oom.kills": 0})) == ["export-lost-result-hang"]
