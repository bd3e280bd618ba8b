"""Of several starts in one log the last one of each training is judged; how earlier ones ended is only mentioned."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from holter.detectors.log_episodes import LOG_END
from holter.errors import NotALog
from holter.evidence.facts.training.progress import INTERRUPTED
from holter.records import Episode, Message, Text
from holter.sentences import NOTHING_CHANGED, define
from holter.texts.runs import LogRun

EARLIER = define(
    "target.earlier-start",
    "Start {number} of {runs} in this log ended at {time}: {reason}. A later start is judged instead.",
)
EARLIER_UNTIMED = define(
    "target.earlier-start-untimed",
    "Start {number} of {runs} in this log ended: {reason}. A later start is judged instead.",
)
MIXED = define(
    "target.mixed",
    "The lines of trainings that ran at the same time seem to be mixed in this text, so only their errors are judged. "
    "To judge one training, give its own training_log_*.txt.",
)
ALL_MIXED = define(
    "error.mixed-log",
    "In {name} the lines of trainings that ran at the same time seem to be mixed. No error is in it, and how each "
    "training went cannot be read from it.",
)
OWN_LOG = define("next.own-log", "Give the training_log_*.txt, or the results folder, of each training.")
LEAST_FOREIGN = 2
# What a header says of the training; folds of one data set are trainings of their own.
IDENTITY = ("dataset", "configuration", "trainer", "fold")


def are_mixed(runs: Sequence[LogRun]) -> bool:
    """Return whether several trainings wrote these lines at the same time, as folds that share a console do."""
    return sum(run.foreign_epochs for run in runs) >= LEAST_FOREIGN


def judged(
    episodes: Sequence[Episode], runs: Sequence[LogRun], name: Text
) -> tuple[tuple[Episode, ...], tuple[Message, ...]]:
    """Return the episodes that count today, and notes on the others.

    Raises:  NotALog: the lines of several trainings are mixed, and no error is in them.
    """
    if not are_mixed(runs):
        return without_earlier(episodes, runs)
    if not episodes:
        raise NotALog(ALL_MIXED(name=name), safe=NOTHING_CHANGED(), next_step=OWN_LOG())
    return tuple(episodes), (MIXED(),)


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
    folds = {run.plans["fold"] for run in runs if "fold" in run.plans}
    return any(
        _is_same(runs[number], later, folds) and not later.is_prediction and _shows_something(later, begin_s, episodes)
        for later, begin_s in zip(runs[number + 1 :], begins[number + 1 :], strict=True)
    )


# nnU-Net names the fold after it has built the network, and fold "all" never. In a file of several folds the end of a
# start that names none may therefore be the only word on its fold.
def _is_same(one: LogRun, other: LogRun, folds: AbstractSet[object]) -> bool:
    both = [name for name in IDENTITY if name in one.plans and name in other.plans]
    if any(one.plans[name] != other.plans[name] for name in both):
        return False
    if "fold" in other.plans:
        return "fold" in one.plans or len(folds) == 1
    return not folds


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
