"""The tape -> what became of the run. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from holter.evidence.scope import was_training_seen
from holter.history.fates import STOPS, End, Fate, asked_to_stop, fates, last_end, stops
from holter.history.goodput import account
from holter.history.phases import end_of_run, restarts
from holter.history.ranks import main_beat
from holter.records import (
    ActionTaken,
    Diagnosis,
    Episode,
    EpochEnded,
    Judged,
    Message,
    Noted,
    Phase,
    PhaseChanged,
    ProcessEnded,
    Text,
)
from holter.records.exit_codes import GAVE_UP, REQUEUE
from holter.reports.headline import fact_of
from holter.reports.healing import action_id
from holter.reports.outcome import sentences as say
from holter.reports.outcome.next_command import next_command
from holter.reports.outcome.record import Identity, Outcome, State
from holter.reports.outcome.wall import clock_of, iso, wall_at
from holter.reports.quiet import no_training_in
from holter.reports.wording import EPOCH_PHASES, best, cause_message, meaning_of
from holter.sentences import Sentence
from holter.tape import Recording
from holter.texts.resume_command import printed

# Ctrl-C, as a signal and as a shell or a launcher reports it.
SIGINT, BY_HAND = 2, 130
# What a headline names first, if several things are open.
WORST: tuple[str, ...] = ("death", "stall", "unsaved", "diverged", "slow-down", "creep")
# States whose first sentence names the trouble.
TELLS: tuple[State, ...] = ("stalled", "troubled", "cut", "dead", "incomplete", "gave-up", "restarting")
# Below this nothing was lost that a person would count.
LEAST_LOST_S = 1.0
ORPHANS_LEFT = "orphans-left"


class _Trouble(NamedTuple):
    """The open episode that a headline names."""

    episode: Episode
    what: Text
    cause: str | None
    sure: Message | None  # only of a cause that is not confirmed
    diagnosis: Diagnosis | None


class _Epochs(NamedTuple):
    done: int | None
    planned: int | None
    now: int | None
    phase: Phase | None

    def words(self) -> Message | None:
        """The finished epochs; None if none was seen."""
        if self.done is None:
            return None
        if self.planned is None:
            return say.EPOCHS(count=self.done)
        return say.EPOCHS_OF(done=self.done, planned=self.planned)

    def place(self) -> Message | None:
        """Where the training is; None if unknown."""
        if self.phase is not None and self.phase not in (*EPOCH_PHASES, "unknown"):
            return Message(key=f"phase.{self.phase}")
        return None if self.now is None else say.EPOCH(epoch=self.now, planned=self.planned)


def outcome_of(
    recording: Recording,
    diagnoses: Sequence[Diagnosis] | None = None,
    *,
    is_over: bool,
    lost_s: float | None = None,
) -> Outcome:
    """Return what became of a run; see the package for cheap calls.

    ``diagnoses``: of its episodes; None: the recorded episodes, with the causes that the recorder named.
    ``is_over``: the tape is not written any more.
    ``lost_s``: lost time that was counted before; None: count it.
    """
    episodes = recording.episodes() if diagnoses is None else tuple(diagnosis.episode for diagnosis in diagnoses)
    become = fates(recording, episodes)
    end = last_end(recording)
    epochs = _epochs(recording)
    state = _state(recording, end, is_over=is_over, has_episodes=bool(episodes))
    trouble = _trouble(recording, episodes, become, diagnoses)
    if state == "running" and trouble is not None:
        state = "stalled" if trouble.episode.kind == "stall" else "troubled"
    past = stops(episodes, become)
    lost_s = account(recording, None if diagnoses is None else tuple(diagnoses)).lost_s if lost_s is None else lost_s
    last_s = end_of_run(recording)
    environment = recording.environment
    begun, over = wall_at(environment, 0.0), wall_at(environment, last_s if end is None else end.t_s)
    ran = Outcome(
        state=state,
        headline=say.RUNNING(),
        trouble=trouble.episode.kind if trouble is not None else None,
        cause=trouble.cause if trouble is not None else None,
        since_s=_since(state, end, trouble),
        epochs_done=epochs.done,
        epochs_planned=epochs.planned,
        epoch=epochs.now,
        stopped=len(past),
        healed=sum(stop.fate == "healed" for stop in past),
        over=sum(stop.fate == "over" for stop in past),
        slowed=sum(episode.kind == "slow-down" for episode in episodes),
        fates=become,
        lost_s=round(lost_s, 3),
        orphans=_orphans(recording) if end is not None else (),
        identity=_identity(recording),
        started=iso(begun),
        ended=iso(over) if end is not None else None,
        read=iso(wall_at(environment, recording.duration_s)),
        wall_s=last_s,
        exit_code=_exit_code(state, end),
        exit_signal=end.exit_signal if end is not None and state not in ("requeue", "gave-up") else None,
    )
    at = None if over is None else clock_of(over, begun)
    ran = msgspec.structs.replace(ran, headline=_headline(recording, ran, trouble, epochs, at))
    of_trouble = trouble.diagnosis if trouble is not None else None
    return msgspec.structs.replace(ran, next_command=next_command(recording, ran, of_trouble))


def _state(recording: Recording, end: End | None, *, is_over: bool, has_episodes: bool) -> State:
    # What stalled or died was work, also where no step of it can be seen (a script without nnU-Net).
    worked = has_episodes or was_training_seen(recording)
    stop = asked_to_stop(recording)
    if end is None:
        broke_off = bool(recording.all_ticks) and not recording.finished
        if not worked and (is_over or not recording.all_ticks) and not broke_off:
            return "nothing-trained"
        if stop is not None and action_id(stop) == "stop" and is_over:
            return "gave-up"
        if _down(recording) and not is_over:
            return "restarting"
        return "cut" if is_over else "running"
    if stop is not None and action_id(stop) == "stop" and stop.state == "done":
        return "gave-up"
    if _is_asked(stop) and not end.is_clean:
        return "requeue"
    if end.exit_code is None and end.exit_signal is None:
        return "end-unseen"
    if end.exit_code == 0:
        if end.early:
            return "incomplete"
        return "finished" if worked else "nothing-trained"
    if end.exit_signal == SIGINT or end.exit_code == BY_HAND:
        return "stopped"
    return "dead" if is_over or recording.finished or not _will_restart(recording) else "restarting"


def _is_asked(stop: ActionTaken | None) -> bool:
    # A stop that failed is withdrawn; one that only began ended with the training, when its time was over.
    return stop is not None and action_id(stop) != "stop" and stop.state != "failed"


# A restart began, and the new process has not made a step.
def _down(recording: Recording) -> bool:
    again = restarts(recording)
    return bool(again) and again[-1].back_s is None


def _will_restart(recording: Recording) -> bool:
    contract = recording.contract()
    return contract is not None and not contract.only_watches and contract.ability("restart").can


def _since(state: State, end: End | None, trouble: _Trouble | None) -> float | None:
    if end is not None:
        return end.t_s
    return trouble.episode.start_s if trouble is not None and state in ("stalled", "troubled") else None


def _exit_code(state: State, end: End | None) -> int | None:
    return {"requeue": REQUEUE, "gave-up": GAVE_UP}.get(state, end.exit_code if end is not None else None)


def _epochs(recording: Recording) -> _Epochs:
    ended = recording.events(EpochEnded)
    done = max((event.epoch for event in ended), default=None)
    planned = recording.environment.num_epochs if recording.environment is not None else None
    changes = recording.events(PhaseChanged)
    now = next((event.epoch for event in reversed(changes) if event.epoch is not None), None)
    phase: Phase | None = changes[-1].phase if changes else None
    beat = next((beat for tick in reversed(recording.all_ticks[-10:]) if (beat := main_beat(tick)) is not None), None)
    if beat is not None:
        now, phase = beat.epoch if beat.epoch is not None else now, beat.phase
    return _Epochs(None if done is None else done + 1, planned, now, phase)


# ------------------------------------------------------------------------------------------------------ the trouble


def _trouble(
    recording: Recording, episodes: Sequence[Episode], become: Sequence[Fate], diagnoses: Sequence[Diagnosis] | None
) -> _Trouble | None:
    open_ones = [index for index, fate in enumerate(become) if fate == "open"]
    if not open_ones:
        return None
    known = {index: _known(recording, episodes[index], diagnoses[index] if diagnoses else None) for index in open_ones}
    first = min(
        open_ones,
        key=lambda index: (WORST.index(episodes[index].kind), known[index].cause is None, episodes[index].start_s),
    )
    return known[first]


def _known(recording: Recording, episode: Episode, diagnosis: Diagnosis | None) -> _Trouble:
    if diagnosis is not None:
        verdict = best(diagnosis)
        if verdict is None:
            return _Trouble(episode, _without_cause(fact_of(diagnosis)), None, None, diagnosis)
        return _Trouble(episode, cause_message(diagnosis, verdict), verdict.cause, _sure(verdict.verdict), diagnosis)
    name = (episode.detector, episode.subject_name, episode.start_s)
    judged = [event for event in recording.events(Judged) if (event.detector, event.subject, event.start_s) == name]
    last = judged[-1] if judged else None
    if last is None or last.cause is None:
        return _Trouble(episode, _without_cause(episode.reason), None, None, None)
    about = episode.subject if not isinstance(episode.subject, str) else None
    return _Trouble(episode, meaning_of(last.cause, about), last.cause, _sure(last.verdict or "likely"), None)


def _without_cause(fact: Text) -> Message:
    return say.NO_CAUSE(what=fact)


def _sure(verdict: str) -> Message | None:
    return None if verdict == "confirmed" else Message(key=f"verdict.{verdict}.sentence")


# ----------------------------------------------------------------------------------------------------- the sentences


def _headline(recording: Recording, ran: Outcome, trouble: _Trouble | None, epochs: _Epochs, at: str | None) -> Message:
    if ran.state == "nothing-trained":
        return no_training_in(recording)
    first = _first(recording, ran, trouble, epochs, at)
    second = _second(ran, trouble)
    for sentence in (second, say.ORPHANS(count=len(ran.orphans)) if ran.orphans else None):
        first = first if sentence is None else say.BOTH(first=first, second=sentence)
    return first


def _first(recording: Recording, ran: Outcome, trouble: _Trouble | None, epochs: _Epochs, at: str | None) -> Message:
    done, place = epochs.words(), epochs.place()
    what = {} if trouble is None else {"what": trouble.what, "sure": trouble.sure}
    if ran.state in ("stalled", "troubled") and trouble is not None:
        return _open(trouble, recording.duration_s)
    if ran.state == "cut":
        broken = say.DAMAGED if recording.damage else say.BROKEN_OFF
        cut = (say.CUT if recording.finished and not recording.damage else broken)(at=at, place=place)
        return cut if trouble is None else say.BOTH(first=cut, second=_open(trouble, recording.duration_s))
    if ran.state == "running":
        return say.RUNNING(place=place)
    if ran.state == "finished":
        return say.FINISHED(epochs=done)
    stop = asked_to_stop(recording)
    requeued = say.REQUEUED if stop is not None and stop.state == "done" else say.REQUEUED_LATE
    sentences: dict[str, Sentence] = {"stopped": say.STOPPED_BY_HAND, "requeue": requeued}
    if ran.state in sentences:
        return sentences[ran.state](at=at, epochs=done)
    if ran.state == "end-unseen":
        return say.END_UNSEEN(at=at, epochs=done)
    if ran.state == "restarting":
        return say.RESTARTING(at=at, what=what.get("what"))
    named = {"dead": say.DEAD, "incomplete": say.ENDED_EARLY, "gave-up": say.GAVE_UP}
    return named[ran.state](at=at, epochs=done, **what)


def _open(trouble: _Trouble, until_s: float) -> Message:
    episode = trouble.episode
    age_s = max(until_s, episode.alarm_s) - episode.start_s
    return say.OPEN[episode.kind](age=age_s, what=trouble.what, sure=trouble.sure)


# What happened before, and is over.
def _second(ran: Outcome, trouble: _Trouble | None) -> Message | None:
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


def _times(number: int) -> Message | None:
    if number <= 0:
        return None
    return {1: say.ONCE(), 2: say.TWICE()}.get(number, say.TIMES(number=number))


# ------------------------------------------------------------------------------------------------------ the identity


def _identity(recording: Recording) -> Identity:
    environment = recording.environment
    if environment is None:
        return Identity()
    plans = dict(environment.plans)
    return Identity(
        dataset=plans.get("dataset"),
        configuration=plans.get("configuration"),
        fold=plans.get("fold"),
        trainer=plans.get("trainer"),
        host=environment.hostname,
        main_pid=environment.main_pid,
        slurm_job=environment.slurm_job,
        command=printed(environment.command) if environment.command else None,
    )


# Workers that a dead training left, and that were not seen to end.
def _orphans(recording: Recording) -> tuple[int, ...]:
    notes = [note for note in recording.events(Noted) if note.what == ORPHANS_LEFT]
    left = [int(word) for note in notes for word in note.text.split() if word.isdecimal()]
    gone = {event.pid for event in recording.events(ProcessEnded)}
    return tuple(dict.fromkeys(pid for pid in left if pid not in gone))
