"""no-exit-after-finish: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged
from causes.laws import ConfirmedLaws, LookAlike
from holter.records import Diagnosis, Episode, Fact, Subject
from holter.remedies import propose


class TestNoExitAfterFinish(ConfirmedLaws):
    cause = "no-exit-after-finish"
    confirmed_by = {
        "episode.kind": "stall", "workers.stopped": (), "workers.blocked": (), "main.alive": True,
        "finish.done": True, "finish.age_s": 95.0, "phase": "shutdown", "activity.present": False,
    }  # fmt: skip
    look_alikes = (
        # The validation is not complete.
        LookAlike({"finish.done": False, "finish.age_s": ...}),
        LookAlike({"activity.present": True}),
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "command"), [("lock", "kill 7"), ("person", None)])
def test_who_works_with_it_in_a_debugger_is_not_told_that_nothing_is_lost(kind: str, command: str | None) -> None:
    facts = {**TestNoExitAfterFinish.confirmed_by, "main.stands_in": kind}
    verdict = judged(facts)["no-exit-after-finish"]
    episode = Episode(kind="stall", start_s=0.0, alarm_s=9.0, subject=Subject(role="main", pid=7), pid=7)
    known = tuple(Fact(name=name, value=value) for name, value in facts.items() if name != "episode.kind")
    found = propose(Diagnosis(episode=episode, verdicts=(verdict,), facts=known), None, is_over=False)
    commands = {remedy.id: remedy.command for _, some in found.remedies for remedy in some}
    assert commands.get("end-finished") == command
