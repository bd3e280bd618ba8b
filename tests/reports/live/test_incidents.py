import pytest

from holter.records import Diagnosis, Episode, Message, Subject
from holter.reports.live import lines as live
from holter.reports.live.incidents import TOGETHER_S, Incidents

STOPPED = Message(key="detector.stopped", values=(("seconds", 5.0),))


def stopped(number: int, alarm_s: float = 100.0, kind: str = "stall", start_s: float | None = None) -> Episode:
    return Episode(
        kind=kind, start_s=95.0 + number if start_s is None else start_s, alarm_s=alarm_s, detector="frozen",
        subject=Subject(role="worker", index=number), pid=1000 + number, reason=STOPPED,
    )  # fmt: skip


def test_of_twelve_workers_that_stop_together_one_is_told_and_the_end_once() -> None:
    incidents = Incidents()
    episodes = [stopped(number, 100 + number / 10) for number in range(12)]
    assert [incidents.is_new_alarm(episode) for episode in episodes] == [True] + [False] * 11
    told = [incidents.is_new_cause(Diagnosis(episode=episode, verdicts=()), "it is stopped") for episode in episodes]
    assert told == [True] + [False] * 11
    over = [incidents.ended(episode) for episode in episodes]
    assert over[:-1] == [None] * 11
    assert over[-1] is not None and over[-1].start_s == 95.0
    assert incidents.newest is None


@pytest.mark.parametrize(
    "later",
    [stopped(1, 100 + TOGETHER_S + 1), stopped(1, kind="slow-down")],
)
def test_what_comes_later_or_is_something_else_is_told(later: Episode) -> None:
    incidents = Incidents()
    assert incidents.is_new_alarm(stopped(0)) and incidents.is_new_alarm(later)


def test_the_next_incident_has_its_own_words_and_another_cause_is_told() -> None:
    incidents = Incidents()
    first, second = stopped(0), stopped(0, 300.0, start_s=290.0)
    incidents.is_new_alarm(first)
    assert incidents.is_new_cause(Diagnosis(episode=first, verdicts=()), "one")
    assert incidents.is_new_cause(Diagnosis(episode=first, verdicts=()), "two")
    assert incidents.ended(first) == first
    assert incidents.is_new_alarm(second) and incidents.is_new_cause(Diagnosis(episode=second, verdicts=()), "one")


def test_an_end_that_nobody_announced_is_told() -> None:
    assert Incidents().ended(stopped(0)) == stopped(0)


def test_a_live_line_quotes_the_first_line_of_an_exception() -> None:
    line = live.alarm(Episode(kind="death", start_s=1, alarm_s=2, reason="RuntimeError: one\ntwo\nthree"), "en")
    assert line.endswith("RuntimeError: one …") and len(line.splitlines()) == 1
