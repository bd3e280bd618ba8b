"""Derive the outcome of a run from its tape. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from holter.evidence.scope import was_training_seen
from holter.history.fates import End, asked_to_stop, fates, last_end, stops, was_overtaken
from holter.history.goodput import account
from holter.history.phases import end_of_run, restarts
from holter.history.ranks import main_beat
from holter.history.standing import training_left
from holter.records import ActionTaken, Diagnosis, EpochEnded, Noted, Phase, PhaseChanged, ProcessEnded
from holter.records.exit_codes import GAVE_UP, REQUEUE
from holter.reports.healing import action_id
from holter.reports.outcome import sentences as say
from holter.reports.outcome.headline import Epochs, headline_of
from holter.reports.outcome.next_command import next_command
from holter.reports.outcome.record import Identity, Outcome, State
from holter.reports.outcome.trouble import Trouble, open_trouble
from holter.reports.outcome.wall import clock_of, iso, wall_at
from holter.tape import Recording
from holter.texts.resume_command import printed

# Ctrl-C, as a signal and as a shell or a launcher reports it.
SIGINT, BY_HAND = 2, 130
ORPHANS_LEFT, END_GROUP = "orphans-left", "end-group"


def outcome_of(
    recording: Recording,
    diagnoses: Sequence[Diagnosis] | None = None,
    *,
    is_over: bool,
    lost_s: float | None = None,
) -> Outcome:
    """Return the outcome of a run; the docstring of the package says how to call it cheaply.

    ``diagnoses``: those of its episodes; None: use the recorded episodes, with the causes that the recorder named.
    ``is_over``: no process writes the tape any more.
    ``lost_s``: the lost time, if it was counted before; None: count it.
    """
    episodes = recording.episodes() if diagnoses is None else tuple(diagnosis.episode for diagnosis in diagnoses)
    become = fates(recording, episodes)
    end = last_end(recording)
    epochs = _epochs(recording)
    state = _state(recording, end, is_over=is_over, has_episodes=bool(episodes))
    trouble = open_trouble(recording, episodes, become, diagnoses, is_over=is_over or recording.finished)
    if state == "running" and trouble is not None:
        state = "stalled" if trouble.episode.kind == "stall" else "troubled"
    elif state == "running" and training_left(recording) is not None:
        state = "troubled"
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
    ran = msgspec.structs.replace(ran, headline=headline_of(recording, ran, trouble, epochs, at))
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
    if (_is_asked(stop) and not end.is_clean) or was_overtaken(recording, end):
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


def _since(state: State, end: End | None, trouble: Trouble | None) -> float | None:
    if end is not None:
        return end.t_s
    return trouble.episode.start_s if trouble is not None and state in ("stalled", "troubled") else None


def _exit_code(state: State, end: End | None) -> int | None:
    return {"requeue": REQUEUE, "gave-up": GAVE_UP}.get(state, end.exit_code if end is not None else None)


def _epochs(recording: Recording) -> Epochs:
    ended = recording.events(EpochEnded)
    done = max((event.epoch for event in ended), default=None)
    planned = recording.environment.num_epochs if recording.environment is not None else None
    changes = recording.events(PhaseChanged)
    now = next((event.epoch for event in reversed(changes) if event.epoch is not None), None)
    phase: Phase | None = changes[-1].phase if changes else None
    beat = next((beat for tick in reversed(recording.all_ticks[-10:]) if (beat := main_beat(tick)) is not None), None)
    if beat is not None:
        now, phase = beat.epoch if beat.epoch is not None else now, beat.phase
    return Epochs(None if done is None else done + 1, planned, now, phase, _cases(recording))


# Of a command that does not train: how many cases are done, of how many.
def _cases(recording: Recording) -> tuple[int, int] | None:
    total = recording.environment.num_cases if recording.environment is not None else None
    beats = (beat for tick in reversed(recording.all_ticks) for beat in tick.beats if beat.role == "main")
    done = next((beat.iteration for beat in beats if beat.iteration is not None), None)
    return None if total is None or done is None else (min(done, total), total)


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


# Workers that a training left, and that neither were seen to end nor were ended by Holter since then: an earlier end
# was that of another process with the same PID.
def _orphans(recording: Recording) -> tuple[int, ...]:
    notes = [note for note in recording.events(Noted) if note.what == ORPHANS_LEFT]
    gone_s = {event.pid: event.t_s for event in recording.events(ProcessEnded)}
    for event in recording.events(ActionTaken):
        if (event.action, event.state) == (END_GROUP, "done"):
            gone_s.update({pid: max(event.t_s, gone_s.get(pid, event.t_s)) for pid in event.pids})
    left = (
        pid
        for note in notes
        for pid in note.pids or _on_older_tapes(note)
        if pid not in gone_s or gone_s[pid] < note.t_s
    )
    return tuple(dict.fromkeys(left))


# Until 0.2 the note had its PIDs in its text alone.
def _on_older_tapes(note: Noted) -> tuple[int, ...]:
    return tuple(int(word) for word in note.text.split() if word.isdecimal())
