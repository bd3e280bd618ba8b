"""main-stopped: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike
from holter.records import Diagnosis, Episode, Fact, Subject
from holter.remedies import propose
from holter.reports.catalogue import phrase
from holter.reports.cause_words import cause_message


class TestMainStopped(ConfirmedLaws, LikelyLaws):
    cause = "main-stopped"
    confirmed_by = {"episode.kind": "stall", "main.state": "T", "workers.stopped": ()}
    look_alikes = (
        LookAlike({"main.state": "S", "workers.stopped": ("worker 1",)}, "frozen-worker"),
        LookAlike({"main.state": "D", "frozen.processes": ("main process",)}, "frozen-cgroup"),
        LookAlike({"episode.kind": "death"}),
    )  # fmt: skip
    likely_by = ({"main.state": "T"},)


def test_what_a_debugger_holds_is_not_continued_by_a_signal() -> None:
    found = judged({"episode.kind": "stall", "main.state": "t", "workers.stopped": ()})
    verdict = found["main-stopped"]
    assert (next(iter(found)), verdict.verdict) == ("main-stopped", "confirmed")
    assert [finding.text for finding in verdict.supports] == ["main-held"]
    episode = Episode(kind="stall", start_s=0.0, alarm_s=9.0, subject=Subject(role="main", pid=7), pid=7)
    facts = (Fact(name="main.state", value="t"),)
    diagnosis = propose(Diagnosis(episode=episode, verdicts=(verdict,), facts=facts), None, is_over=False)
    ((_, remedies),) = diagnosis.remedies
    assert [(remedy.id, remedy.command) for remedy in remedies] == [("leave-debugger", None)]
    assert "A debugger holds the main process" in phrase(cause_message(diagnosis, verdict), "en")
