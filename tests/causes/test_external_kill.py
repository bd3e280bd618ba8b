"""external-kill: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged


@pytest.mark.parametrize("number", [4, 6, 7, 8, 11])
def test_a_crash_of_the_main_process_is_no_kill_from_outside(number):
    found = judged(
        episode__kind="death", main__exit_signal=number, oom__kills=0, exception__first=..., worker__exit_signal=...
    )
    assert found["external-kill"].verdict == "excluded"


def test_a_main_process_killed_for_want_of_memory_was_not_killed_from_outside():
    found = judged(
        episode__kind="death", phase="train", main__exit_signal=9, oom__kills=1, exception__first=...,
        exception__kind=..., worker__exit_signal=...,
    )  # fmt: skip
    assert found["ram-oom-train-worker"].verdict == "confirmed"
    assert found["external-kill"].verdict == "likely"
    assert "oom-counted" in [finding.text for finding in found["external-kill"].against]
