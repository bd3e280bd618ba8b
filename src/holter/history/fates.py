"""Find how each episode ended: healed, over by itself, or not over. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from holter.history.actions import Action, merge_events
from holter.history.phases import restarts
from holter.history.ranks import main_beat
from holter.records import ActionTaken, Episode, Noted, PhaseChanged, ProcessEnded
from holter.tape import Recording

Fate = Literal["healed", "over", "open"]

HEALS = ("replace-workers", "restart", "export-again")
# A heal starts up to this long before the episode is marked (a hook acts at once), and a dead worker is replaced, a
# dead main process started again, up to this long after its episode, which is only a moment.
BEFORE_S = 2.0
AFTER_DEATH_S = 120.0
# An episode that a heal ended is over soon after it: the median of step times follows within three minutes.
OVER_WITHIN_S = 300.0
# Episodes end in the reading after the end of the main process.
SAME_END_S = 3.0
# Two stops this close together are one incident.
SAME_STOP_S = 1.0
STOPS = ("stall", "death")
# A note that a signal (Ctrl-C, a scheduler) has asked the training to end. One that lives longer has survived it.
ASKED_TO_END = "asked-to-end"
# A note that Holter, which was not to save, has passed such a signal on.
PASSED_ON = "signal-passed-on"
ENDS_WITHIN_S = 60.0
# Of a main process that a person or a scheduler ends: the signals, and Python's and the shell's exit codes for them.
BY_SIGNAL = (2, 15, 130, 143)


# A request to save and end, which the same signal overtook.
TERMINATED, ENDS_AT_ONCE_S = (15, 143), 5.0


class End(NamedTuple):
    """How the last main process of the training ended."""

    t_s: float
    exit_code: int | None
    exit_signal: int | None
    early: bool  # with exit code 0, before its last planned epoch

    @property
    def is_clean(self) -> bool:
        """Whether the training ended as planned: exit code 0, and not too early."""
        return self.exit_code == 0 and not self.early


class Stop(NamedTuple):
    """One interruption of the training; several episodes that overlap are one interruption. Times in seconds."""

    start_s: float
    end_s: float | None
    fate: Fate


def last_end(recording: Recording) -> End | None:
    """Return how the training ended; None while it runs, is started again, or was last seen running."""
    ends = [event for event in recording.events(ProcessEnded) if event.role == "main"]
    if not ends:
        return None
    last_s = max(event.t_s for event in ends)
    again_s = [restart.begun_s for restart in restarts(recording)]
    if any(begun_s > last_s for begun_s in again_s):
        return None
    if any(event.t_s > last_s for event in recording.events(PhaseChanged)):
        return None
    of_last = [event for event in ends if not again_s or event.t_s > again_s[-1]]
    main_pid = recording.environment.main_pid if recording.environment is not None else None
    pid = main_pid if any(event.pid == main_pid for event in of_last) else of_last[-1].pid
    own = [event for event in of_last if event.pid == pid]
    known = [event for event in own if event.exit_code is not None or event.exit_signal is not None] or own
    first = min(own, key=lambda event: event.t_s)
    return End(first.t_s, known[0].exit_code, known[0].exit_signal, any(event.early for event in own))


def was_overtaken(recording: Recording, end: End) -> bool:
    """Return whether SIGTERM asked Holter to save and end the training, and reached the training itself as well.

    Slurm sends it to all processes of a job that is cancelled or preempted.
    """
    if end.exit_signal not in TERMINATED and end.exit_code not in TERMINATED:
        return False
    notes = [note for note in recording.events(Noted) if abs(note.t_s - end.t_s) <= ENDS_AT_ONCE_S]
    of_term = [note.what for note in notes if note.message is not None and ("signal", "SIGTERM") in note.message.values]
    return ASKED_TO_END in of_term and PASSED_ON not in of_term


def fates(recording: Recording, episodes: Sequence[Episode]) -> tuple[Fate, ...]:
    """Return for each of these episodes, in their order: "healed" by Holter, "over" by itself, or still "open".

    An episode that lasted until the end of the training is not over, whether it ended as planned or died.
    """
    heals = [action for action in merge_events(recording) if action.action in HEALS and action.state == "done"]
    back_s = {restart.generation: restart.back_s for restart in restarts(recording)}
    heals = [heal for heal in heals if heal.action != "restart" or back_s.get(heal.generation) is not None]
    end = last_end(recording)
    until_s = None if end is None else _began_to_end(recording, end)
    return tuple(
        "open"
        if _ends_nearby(recording, episode, end) and went_on(recording, episode) is False
        else _fate(episode, heals, end, until_s)
        for episode in episodes
    )


# Whether a stall that ended without progress may have ended because the training did, or be seen no longer.
def _ends_nearby(recording: Recording, episode: Episode, end: End | None) -> bool:
    how = None if end is None else end.exit_code if end.exit_signal is None else end.exit_signal
    if how is not None or episode.end_s is None:
        return how in BY_SIGNAL
    return (recording.duration_s if end is None else end.t_s) - episode.end_s < ENDS_WITHIN_S


def went_on(recording: Recording, episode: Episode) -> bool | None:
    """Return whether the training made progress after this stall; None if that was not seen, or it is no stall.

    A stall also ends without progress: the main process no longer waits, because it is ending.
    """
    if episode.kind != "stall" or episode.end_s is None:
        return None
    beats = [(tick.t_s, main_beat(tick)) for tick in recording.ticks(episode.alarm_s)]
    before = [beat for t_s, beat in beats if beat is not None and t_s < episode.end_s]
    after = [beat for t_s, beat in beats if beat is not None and t_s >= episode.end_s]
    if not before or not after or before[-1].pid != after[-1].pid:
        return None
    return after[-1].progress_total > before[-1].progress_total


# When an end that was not planned began: in the seconds that it takes, a stopped worker is killed, and waits end. None:
# it was planned, and nobody asked for it.
def _began_to_end(recording: Recording, end: End) -> float | None:
    asked = (note.t_s for note in recording.events(Noted, end_s=end.t_s) if note.what == ASKED_TO_END)
    return min((t_s for t_s in asked if end.t_s - t_s <= ENDS_WITHIN_S), default=None if end.is_clean else end.t_s)


def stops(episodes: Iterable[Episode], become: Iterable[Fate]) -> tuple[Stop, ...]:
    """Return all interruptions of the training, oldest first.

    ``become``: the fate of each episode, in the same order.
    """
    merged: list[Stop] = []
    rank = {"open": 2, "healed": 1, "over": 0}
    both = [(episode, fate) for episode, fate in zip(episodes, become, strict=True) if episode.kind in STOPS]
    for episode, fate in sorted(both, key=lambda pair: pair[0].start_s):
        last = merged[-1] if merged else None
        if last is None or (last.end_s is not None and episode.start_s > last.end_s + SAME_STOP_S):
            merged.append(Stop(episode.start_s, episode.end_s, fate))
            continue
        end_s = None if last.end_s is None or episode.end_s is None else max(last.end_s, episode.end_s)
        merged[-1] = Stop(last.start_s, end_s, max(last.fate, fate, key=lambda name: rank[name]))
    return tuple(merged)


def _fate(episode: Episode, heals: list[Action], end: End | None, until_s: float | None) -> Fate:
    if until_s is not None and (episode.end_s is None or episode.end_s >= until_s - SAME_END_S):
        return "open"
    if any(_heals(heal, episode) for heal in heals):
        return "healed"
    if episode.end_s is None:
        return "open"
    if end is not None and end.is_clean:
        return "over"
    return "open" if episode.is_about_main and episode.kind == "death" and end is None else "over"


def _heals(heal: Action, episode: Episode) -> bool:
    until_s = episode.start_s if episode.end_s is None else episode.end_s + SAME_END_S
    if episode.kind == "death":
        until_s = max(until_s, episode.start_s + AFTER_DEATH_S)
    healed_s = heal.begun_s if heal.ended_s is None else heal.ended_s
    is_late = episode.end_s is not None and episode.end_s > healed_s + OVER_WITHIN_S
    return episode.start_s - BEFORE_S <= heal.begun_s <= until_s and not is_late


def asked_to_stop(recording: Recording) -> ActionTaken | None:
    """Return the last action by which Holter stopped the training, or tried to; None if there was none."""
    acted = [event for event in recording.events(ActionTaken) if event.action == "stop" and event.state != "proposed"]
    return acted[-1] if acted else None
