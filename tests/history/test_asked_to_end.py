"""What was broken when somebody ended the training was not over."""

from __future__ import annotations

import msgspec
import pytest

from holter.history.fates import ASKED_TO_END, fates
from holter.records import Beat, Episode, Event, Noted, ProcessEnded, Tick
from holter.reports.catalogue import phrase
from holter.reports.outcome import outcome_of
from holter.tape import Recording

STALL = Episode(
    kind="stall", start_s=100.0, alarm_s=110.0, end_s=161.0, detector="frozen", subject="training", reason="it stands"
)
ASKED = Noted(t_s=160.0, what=ASKED_TO_END)


def recorded(*events: Event, episode: Episode = STALL) -> Recording:
    ticks = tuple(Tick(t_s=event.t_s, events=(event,)) for event in events)
    return Recording(all_ticks=ticks, all_episodes=(episode,), finished=True)


def ended(t_s: float, **how: int) -> ProcessEnded:
    return ProcessEnded(t_s=t_s, pid=1, role="main", source="wait", **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "fate"),
    [
        # Ten seconds to close its workers, or to write a last checkpoint and end as if nothing had been.
        ((ASKED, ended(171.0, exit_signal=2)), "open"),
        ((ASKED, ended(171.0, exit_code=130)), "open"),
        ((ASKED, ended(171.0, exit_code=1)), "open"),
        ((ASKED, ended(171.0, exit_code=0)), "open"),
        ((Noted(t_s=155.0, what=ASKED_TO_END), ASKED, ended(171.0, exit_signal=15)), "open"),
        # It went on by itself: before it was asked, or for long after a signal that it ignored.
        ((Noted(t_s=170.0, what=ASKED_TO_END), ended(171.0, exit_signal=2)), "over"),
        ((ASKED, ended(500.0, exit_signal=9)), "over"),
        ((ASKED, ended(500.0, exit_code=0)), "over"),
        ((ended(171.0, exit_code=0),), "over"),
    ],
)
def test_it_is_over_only_if_it_went_on(events: tuple[Event, ...], fate: str) -> None:
    assert fates(recorded(*events), [STALL]) == (fate,)


def test_the_headline_says_what_it_was_in_when_it_was_stopped() -> None:
    recording = recorded(ASKED, ended(171.0, exit_signal=2))
    words = phrase(outcome_of(recording, is_over=True).headline, "en")
    assert words.startswith("Stopped by hand")
    assert "It had been stalled for 1 min 11 s: it stands." in words, words
    assert "over" not in words and "by itself" not in words


@pytest.mark.parametrize(("progress", "fate"), [(40, "open"), (41, "over")])
def test_a_stall_that_ended_without_progress_before_its_training_was_not_over(progress: int, fate: str) -> None:
    # Nobody noted the signal: a person sent it to the training, which took ten seconds to end.
    ticks = [
        Tick(t_s=float(t_s), beats=(Beat(t_s=t_s, pid=1, progress_total=40 if t_s < 161 else progress),))
        for t_s in range(90, 170)
    ]
    end = Tick(t_s=171.0, events=(ended(171.0, exit_code=130),))
    recording = Recording(all_ticks=(*ticks, end), all_episodes=(STALL,), finished=True)
    assert fates(recording, [STALL]) == (fate,)
    unknown = Tick(t_s=171.0, events=(ended(171.0),))  # the end of an attached training
    for last in ((unknown,), ()):  # or its recording ended, not the training
        recording = msgspec.structs.replace(recording, all_ticks=(*ticks, *last))
        assert fates(recording, [STALL]) == (fate,)
    later = Tick(t_s=300.0, beats=(Beat(t_s=300.0, pid=1, progress_total=40),))
    assert fates(msgspec.structs.replace(recording, all_ticks=(*ticks, later)), [STALL]) == ("over",)
