"""Which readings belong to an episode."""

from __future__ import annotations

import pytest

from holter.evidence.window import SOON_S, Window
from holter.records import Episode, ProcessSample, Tick
from holter.tape import Recording

ALARM_S = 19.0


@pytest.mark.parametrize("healed_after_s", [SOON_S, SOON_S - 0.5, SOON_S + 5.0])
def test_the_tick_that_ends_an_episode_shows_nothing_of_it(healed_after_s: float) -> None:
    """A worker that was replaced soon after the alarm was still stopped when it was given."""
    end_s = ALARM_S + healed_after_s
    states = [(13.0, "T"), (ALARM_S, "T"), (end_s, "S")]
    ticks = tuple(
        Tick(t_s=t_s, processes=(ProcessSample(t_s=t_s, pid=7, role="train-worker", state=state),))
        for t_s, state in states
    )
    episode = Episode(
        kind="stall",
        phase="train",
        start_s=13.0,
        alarm_s=ALARM_S,
        end_s=end_s,
        detector="frozen",
        subject="",
        reason="",
    )
    (worker,) = Window(Recording(all_ticks=ticks), episode).processes("train-worker")
    assert worker.state == "T"
