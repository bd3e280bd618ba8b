"""not-stuck: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.circumstances import NOBODY_DIED
from causes.judge import judged


def test_a_busy_main_thread_in_an_endless_step_is_not_called_healthy():
    found = judged(
        episode__kind="stall", activity__present=True, queue__ready="full", progress__resumed=False,
        workers__stopped=(), workers__blocked=(), main__alive=True, gpu__licence_stage=..., cpu__throttled_ratio=...,
        **NOBODY_DIED,
    )  # fmt: skip
    assert found["not-stuck"].verdict not in ("confirmed", "likely")
