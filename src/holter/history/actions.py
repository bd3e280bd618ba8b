"""Actions taken on a run: the events of one action, reported by hook and supervisor, merged into one record. Pure."""

from __future__ import annotations

import msgspec

from holter.records import ActionState, ActionTaken, ProcessEnded, Record, Text
from holter.sentences import parts
from holter.tape import Recording

# Hook and supervisor report one action within seconds: the hook when its part is finished, the supervisor when the
# training has made progress (it waits 20 s for that).
SAME_ACTION_S = 30.0
ANNOUNCEMENT = "announce-restart"
# The main process carries these out itself; what it has not finished when it ends has failed.
IN_MAIN = ("replace-workers", "export-again")


class Action(Record, frozen=True, kw_only=True):
    """One action taken on the run, from its start to its result."""

    action: str
    begun_s: float
    ended_s: float | None = None  # None: still running when the recording ended, or only proposed
    state: ActionState
    cause: str | None = None
    before: tuple[Text, ...] = ()  # reported at its start, sentence by sentence
    after: tuple[Text, ...] = ()  # reported at its end, without the sentences of ``before``
    settings: tuple[tuple[str, str], ...] = ()
    pids: tuple[int, ...] = ()
    generation: int = 0
    sources: tuple[str, ...] = ()  # who reported it: hook, supervisor
    ended_by: tuple[str, ...] = ()  # who reported its end
    request: int | None = None  # number of the supervisor's request; None: none, or unknown


def merge_events(recording: Recording) -> tuple[Action, ...]:
    """Return every action taken or proposed, in order of start."""
    actions: list[Action] = []
    for event in sorted(recording.events(ActionTaken), key=lambda event: event.t_s):
        index = _place(event, actions)
        if index is None:
            actions.append(_new(event))
        else:
            actions[index] = _grown(actions[index], event)
    ends = [event.t_s for event in recording.events(ProcessEnded) if event.role == "main"]
    return tuple(_cut_short(_carried_out(action, actions), ends) for action in actions)


def is_echo(action: ActionTaken, earlier: ActionTaken) -> bool:
    """Return whether hook and supervisor report the same state of one action in these two events."""
    return (
        (action.action, action.state, action.generation) == (earlier.action, earlier.state, earlier.generation)
        and action.source != earlier.source
        and action.t_s - earlier.t_s <= SAME_ACTION_S
    )


# An announced restart is done once the restart started.
def _carried_out(action: Action, actions: list[Action]) -> Action:
    if action.action != ANNOUNCEMENT or action.state != "begun":
        return action
    came_s = next(
        (other.begun_s for other in actions if other.action == "restart" and other.begun_s >= action.begun_s), None
    )
    return action if came_s is None else msgspec.structs.replace(action, state="done", ended_s=came_s)


def _cut_short(action: Action, ends: list[float]) -> Action:
    end_s = min((t_s for t_s in ends if t_s >= action.begun_s), default=None)
    if action.action not in IN_MAIN or action.state != "begun" or end_s is None:
        return action
    return msgspec.structs.replace(action, state="failed", ended_s=end_s)


# Index of the action that this event belongs to; None for a new one.
def _place(event: ActionTaken, actions: list[Action]) -> int | None:
    if event.state == "proposed":
        return None
    same = [
        index
        for index, action in enumerate(actions)
        if (action.action, action.generation) == (event.action, event.generation)
        and action.state != "proposed"
        and (action.request == event.request or None in (action.request, event.request))
    ]
    if event.state == "begun":
        return next((index for index in reversed(same) if _may_join(actions[index], event)), None)
    under_way = [index for index in same if actions[index].ended_s is None]
    own = [index for index in under_way if event.source in actions[index].sources]
    if own or under_way:
        return (own or under_way)[0]
    return next((index for index in reversed(same) if _may_confirm(actions[index], event)), None)


def _may_join(action: Action, event: ActionTaken) -> bool:
    return action.ended_s is None and event.source not in action.sources and event.t_s - action.begun_s <= SAME_ACTION_S


# Each source reports the end in its own time: the supervisor has seen whether the training continues, and the hook may
# get a batch long after the supervisor has waited for one in vain. What is not of the same request follows soon.
def _may_confirm(action: Action, event: ActionTaken) -> bool:
    if action.ended_s is None or event.source not in action.sources or event.source in action.ended_by:
        return False
    return action.request == event.request or event.t_s - action.ended_s <= SAME_ACTION_S


def _new(event: ActionTaken) -> Action:
    is_over = event.state in ("done", "failed")
    return Action(
        action=event.action,
        begun_s=event.t_s,
        ended_s=event.t_s if is_over else None,
        state=event.state,
        cause=event.cause,
        before=() if is_over else parts(event.said),
        after=parts(event.said) if is_over else (),
        settings=event.settings,
        pids=event.pids,
        generation=event.generation,
        sources=(event.source,),
        ended_by=(event.source,) if is_over else (),
        request=event.request,
    )


def _grown(action: Action, event: ActionTaken) -> Action:
    grown = msgspec.structs.replace(
        action,
        cause=action.cause or event.cause,
        settings=action.settings or event.settings,
        pids=tuple(dict.fromkeys((*action.pids, *event.pids))),
        sources=tuple(dict.fromkeys((*action.sources, event.source))),
        request=event.request if action.request is None else action.request,
    )
    if event.state == "begun":
        return msgspec.structs.replace(grown, before=_together(action.before, parts(event.said)))
    is_after_all = (action.state, event.state) == ("failed", "done") and event.source == "hook"
    # What the hook has refused was not done, although the supervisor sees that the training goes on.
    state = "failed" if action.state == "failed" and not is_after_all else event.state
    ended_s = event.t_s if action.ended_s is None or is_after_all else action.ended_s
    new = tuple(part for part in parts(event.said) if part not in action.before)
    return msgspec.structs.replace(
        grown,
        ended_s=ended_s,
        state=state,
        after=_together(action.after, new),
        ended_by=(*action.ended_by, event.source),
    )


# All sentences of both, each once.
def _together(first: tuple[Text, ...], second: tuple[Text, ...]) -> tuple[Text, ...]:
    return tuple(dict.fromkeys((*first, *second)))
