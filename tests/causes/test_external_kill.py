"""external-kill: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged
from holter.causes.external_kill import OFFERS


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


def test_a_signal_that_holter_passed_on_is_known():
    found = judged(episode__kind="death", main__exit_signal=15, main__passed_on=True)["external-kill"]
    assert found.verdict == "confirmed"
    assert [finding.text for finding in found.supports] == ["main-ended-by-signal", "passed-on"]


@pytest.mark.parametrize(("job", "offered"), [(True, True), (None, True), (False, False)])
def test_only_a_job_can_ask_its_scheduler_for_more_time(job, offered):
    more_time = next(offer for offer in OFFERS if offer.id == "more-time")
    assert more_time.only_if({"main.exit_signal": 9} | ({} if job is None else {"scope.job": job})) is offered
