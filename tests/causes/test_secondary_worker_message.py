"""secondary-worker-message: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged
from causes.laws import LikelyLaws


class TestSecondaryWorkerMessage(LikelyLaws):
    cause = "secondary-worker-message"
    likely_by = ({"episode.kind": "death", "echo.says": "training"},)  # fmt: skip


@pytest.mark.parametrize(
    "known",
    [{"exception.first": "ValueError: x"}, {"worker.exit_signal": 9}, {"main.exit_signal": 15}, {"oom.kills": 1}],
)
def test_an_echo_is_no_cause_beside_an_exception_or_a_signal(known: dict[str, object]) -> None:
    found = judged({"episode.kind": "death", "echo.says": "training", **known})
    assert found["secondary-worker-message"].verdict == "excluded"


QUIET_DEATH = {"episode.kind": "death", "phase": "train", "exception.first": ..., "exception.kind": ...}


def test_an_echo_with_everything_else_absent_is_still_not_confirmed() -> None:
    found = judged({**QUIET_DEATH, "echo.says": "training", "worker.exit_signal": ..., "main.exit_signal": ...,
                    "oom.kills": 0})  # fmt: skip
    assert found["secondary-worker-message"].verdict == "likely"
