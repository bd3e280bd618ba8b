"""What stock nnU-Net would have done without each heal. How long it would have hung is not estimated. Pure."""

from __future__ import annotations

from typing import Literal

from holter.history.actions import Action, merge_events
from holter.history.fates import HEALS
from holter.history.own_actions import Wanted
from holter.history.phases import Restart
from holter.records import DATA_WORKERS, ActionTaken, Noted, ProcessBorn, ProcessEnded, Record
from holter.tape import Recording

# A worker that died at most this long before its replacement is the reason for it.
DEATH_BEFORE_S = 60.0
BY_DATALOADER = "dataloader-training"  # a note of the hook: the program is not nnU-Net

StockOutcome = Literal["ends", "stands-still"]


class Saved(Record, frozen=True, kw_only=True):
    """A successful heal, and what stock nnU-Net would have done without it: end, or hang."""

    t_s: float
    action: str
    cause: str | None = None
    stock: StockOutcome
    of_nnunet: bool = True  # else what the program would have done without Holter


def saved(recording: Recording, again: tuple[Restart, ...]) -> tuple[Saved, ...]:
    """Return every successful heal, oldest first. ``again``: the restarts of the recording."""
    died = {restart.generation: restart.died for restart in again}
    actions = merge_events(recording)
    wanted = Wanted(recording.events(ActionTaken, ProcessBorn, ProcessEnded))
    is_plain = any(event.what == BY_DATALOADER for event in recording.events(Noted))
    heals = []
    for action in actions:
        if action.state != "done" or action.action not in HEALS:
            continue
        if action.action == "restart":
            ends = died.get(action.generation, True)
        else:
            ends = action.action == "replace-workers" and _worker_died(recording, action, wanted)
        stock: StockOutcome = "ends" if ends else "stands-still"
        heals.append(
            Saved(t_s=action.begun_s, action=action.action, cause=action.cause, stock=stock, of_nnunet=not is_plain)
        )
    return tuple(heals)


# Stock nnU-Net ends if a data worker is dead; it waits forever for a frozen one and for a lost export.
def _worker_died(recording: Recording, action: Action, wanted: Wanted) -> bool:
    return any(
        event.role in DATA_WORKERS and event not in wanted
        for event in recording.events(ProcessEnded, start_s=action.begun_s - DEATH_BEFORE_S, end_s=action.begun_s + 1)
    )
