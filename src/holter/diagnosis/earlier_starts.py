"""Of several starts in one log the last one of each training is judged; how earlier ones ended is only mentioned."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from holter.detectors.log_episodes import LOG_END
from holter.evidence.facts.training.progress import INTERRUPTED
from holter.records import Episode, Message
from holter.sentences import define
from holter.texts.runs import LogRun

EARLIER = define(
    "target.earlier-start",
    "Start {number} of {runs} in this log ended at {time}: {reason}. A later start is judged instead.",
)
EARLIER_UNTIMED = define(
    "target.earlier-start-untimed",
    "Start {number} of {runs} in this log ended: {reason}. A later start is judged instead.",
)
# What a header says of the training; folds of one data set are trainings of their own.
IDENTITY = ("dataset", "configuration", "trainer", "fold")


def without_earlier(
    episodes: Sequence[Episode], runs: Sequence[LogRun]
) -> tuple[tuple[Episode, ...], tuple[Message, ...]]:
    """Return the episodes without the ends of starts that a later start of the same training followed, and notes.

    ``runs``: in the order of their times. The notes say what is left out.
    """
    zero_s = next((run.begun_s for run in runs if run.begun_s is not None), 0.0)
    begins = [(run.begun_s or zero_s) - zero_s for run in runs]
    kept: list[Episode] = []
    notes: list[Message] = []
    for episode in episodes:
        number = max((n for n, begin_s in enumerate(begins) if begin_s <= episode.start_s), default=0)
        is_end = episode.kind == "death" or episode.detector in (LOG_END, INTERRUPTED)
        if not (is_end and _was_followed(runs, number, episodes, begins)):
            kept.append(episode)
        elif episode.kind == "death":
            notes.append(_note(episode, number, runs, zero_s))
    return tuple(kept), tuple(notes)


def _was_followed(runs: Sequence[LogRun], number: int, episodes: Sequence[Episode], begins: Sequence[float]) -> bool:
    return any(
        _is_same(runs[number], later) and not later.is_prediction and _shows_something(later, begin_s, episodes)
        for later, begin_s in zip(runs[number + 1 :], begins[number + 1 :], strict=True)
    )


def _is_same(one: LogRun, other: LogRun) -> bool:
    return all(name not in one.plans or other.plans.get(name, one.plans[name]) == one.plans[name] for name in IDENTITY)


# A start of which the log has only the header tells nothing: the end before it is all that is known.
def _shows_something(run: LogRun, begin_s: float, episodes: Sequence[Episode]) -> bool:
    return bool(run.epoch_count or run.is_finished) or any(
        episode.kind == "death" and episode.start_s >= begin_s for episode in episodes
    )


def _note(episode: Episode, number: int, runs: Sequence[LogRun], zero_s: float) -> Message:
    if not runs[number].first_s:
        return EARLIER_UNTIMED(number=number + 1, runs=len(runs), reason=episode.reason)
    moment = datetime.datetime.fromtimestamp(zero_s + episode.start_s, datetime.timezone.utc)
    time = moment.strftime("%Y-%m-%d %H:%M:%S")
    return EARLIER(number=number + 1, runs=len(runs), time=time, reason=episode.reason)
