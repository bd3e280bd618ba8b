"""The sentences about a run: how it ended, what happened before, which problems remain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from holter.evidence.scope import WORKS, was_training_seen
from holter.history.fates import STOPS, asked_to_stop
from holter.history.standing import standing, training_left
from holter.records import EpisodeKind, Message, Notice, Phase
from holter.reports.outcome import sentences as say
from holter.reports.outcome.record import Outcome, State
from holter.reports.outcome.trouble import Trouble
from holter.reports.outcome.wall import clock_of, wall_at
from holter.reports.quiet import no_training, no_training_in, times_replaced
from holter.reports.when import EPOCH_PHASES
from holter.sentences import Sentence
from holter.tape import Recording

# States whose first sentence names the trouble.
TELLS: tuple[State, ...] = ("stalled", "troubled", "cut", "dead", "incomplete", "gave-up", "restarting", "stopped")
# Below this nothing was lost that a person would count.
LEAST_LOST_S = 1.0
# A process that was watched for less says nothing by its silence.
LEAST_SEEN_S = 10.0


class Epochs(NamedTuple):
    done: int | None
    planned: int | None
    now: int | None
    phase: Phase | None
    cases: tuple[int, int] | None = None  # of a prediction or a preprocessing: done, of all

    def words(self) -> Message | None:
        """The finished epochs or cases; None if none was seen."""
        if self.cases is not None:
            return say.CASES_OF(done=self.cases[0], planned=self.cases[1])
        if self.done is None:
            return None
        if self.planned is None:
            return say.EPOCHS(count=self.done)
        return say.EPOCHS_OF(done=self.done, planned=self.planned)

    def place(self) -> Message | None:
        """The part of the run that is going on: its phase, cases or epoch; None if unknown."""
        if self.phase in WORKS and self.cases is not None:
            return say.AT_CASES(phase=Message(key=f"phase.{self.phase}"), cases=self.words())
        if self.phase is not None and self.phase not in (*EPOCH_PHASES, "unknown"):
            return Message(key=f"phase.{self.phase}")
        return None if self.now is None else say.EPOCH(epoch=self.now, planned=self.planned)


def headline_of(recording: Recording, ran: Outcome, trouble: Trouble | None, epochs: Epochs, at: str | None) -> Message:
    """Return the sentences about the whole run; ``at``: the time of its end as text."""
    if ran.state == "nothing-trained":
        return no_training_in(recording)
    first = _first(recording, ran, trouble, epochs, at)
    second = _second(ran, trouble) or _replaced(recording, ran)
    for sentence in (second, _noticed(recording, ran), say.ORPHANS(count=len(ran.orphans)) if ran.orphans else None):
        first = first if sentence is None else say.BOTH(first=first, second=sentence)
    return first


def _first(recording: Recording, ran: Outcome, trouble: Trouble | None, epochs: Epochs, at: str | None) -> Message:
    done, place = epochs.words(), epochs.place()
    what = {} if trouble is None else {"what": trouble.what, "sure": trouble.sure}
    if ran.state in ("stalled", "troubled") and trouble is not None:
        return _open(trouble, recording.duration_s)
    left = training_left(recording) if ran.state == "troubled" else None
    if left is not None and isinstance(left.message, Message):
        return say.TRAINING_LEFT(at=_clock(recording, left), error=left.message.value("error"))
    if ran.state == "cut":
        broken = say.DAMAGED if recording.damage else say.BROKEN_OFF
        cut = (say.CUT if recording.finished and not recording.damage else broken)(at=at, place=place)
        return cut if trouble is None else say.BOTH(first=cut, second=_open(trouble, recording.duration_s))
    if ran.state == "running":
        return say.RUNNING(place=place) if place is not None else _without_place(recording)
    if ran.state == "finished":
        return say.FINISHED(epochs=done)
    stop = asked_to_stop(recording)
    requeued = say.REQUEUED if stop is not None and stop.state == "done" else say.REQUEUED_LATE
    sentences: dict[str, Sentence] = {"stopped": say.STOPPED_BY_HAND, "requeue": requeued}
    if ran.state in sentences:
        stopped = sentences[ran.state](at=at, epochs=done)
        if ran.state != "stopped" or trouble is None:
            return stopped
        return say.BOTH(first=stopped, second=_open(trouble, ran.since_s or recording.duration_s, say.WAS))
    if ran.state == "end-unseen":
        return say.END_UNSEEN(at=at, epochs=done)
    if ran.state == "restarting":
        return say.RESTARTING(at=at, what=what.get("what"))
    named = {"dead": say.DEAD, "incomplete": say.ENDED_EARLY, "gave-up": say.GAVE_UP}
    return named[ran.state](at=at, epochs=done, **what)


def _without_place(recording: Recording) -> Message:
    # In its first seconds a training shows no step either; later there is a reason.
    if was_training_seen(recording):
        return say.RUNNING()
    span_s, contract = recording.duration_s, recording.contract()
    if contract is None:
        return say.NO_STEP_YET(span=span_s) if span_s >= LEAST_SEEN_S else say.RUNNING()
    return say.NO_TRAINING_SO_FAR(span=span_s, why=no_training(contract, span_s))


def _open(trouble: Trouble, until_s: float, sentences: Mapping[EpisodeKind, Sentence] = say.OPEN) -> Message:
    episode = trouble.episode
    age_s = max(until_s, episode.alarm_s) - episode.start_s
    return sentences[episode.kind](age=age_s, what=trouble.what, sure=trouble.sure)


# What happened before, and is over.
def _second(ran: Outcome, trouble: Trouble | None) -> Message | None:
    named = trouble.episode.kind if trouble is not None and ran.state in TELLS else None
    past = ran.stopped - (1 if named in STOPS else 0)
    lost = ran.lost_s if ran.lost_s >= LEAST_LOST_S and (ran.state == "finished" or past > 0) else None
    slowed = ran.slowed - (1 if named == "slow-down" else 0)
    if past > 0 and ran.over == past:
        return say.ALL_OVER(stopped=_times(past), slowed=_times(slowed), lost=lost)
    if past > 0:
        return say.STOPS(
            stopped=_times(past),
            healed=_times(ran.healed),
            over=_times(ran.over),
            slowed=_times(slowed),
            lost=lost,
        )
    if slowed > 0:
        return say.SLOWER(slowed=_times(slowed), lost=lost)
    return None if lost is None else say.LOST(lost=lost)


# Where the main process has stood till the end, or till now.
def _noticed(recording: Recording, ran: Outcome) -> Message | None:
    notice = None if ran.state == "finished" else standing(recording)
    if notice is None:
        return None
    return say.NOTICED(at=_clock(recording, notice), what=notice.message)


def _clock(recording: Recording, notice: Notice) -> str | None:
    moment = wall_at(recording.environment, notice.t_s)
    return None if moment is None else clock_of(moment, wall_at(recording.environment, 0.0))


# Workers that were replaced before an alarm.
def _replaced(recording: Recording, ran: Outcome) -> Message | None:
    times = 0 if ran.fates else times_replaced(recording)
    return say.REPLACED(times=_times(times)) if times else None


def _times(number: int) -> Message | None:
    if number <= 0:
        return None
    return {1: say.ONCE(), 2: say.TWICE()}.get(number, say.TIMES(number=number))
