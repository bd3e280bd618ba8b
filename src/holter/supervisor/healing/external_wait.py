"""What only others can end: whether it is over, by the probes, and what was told of the wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from holter.evidence.outside import Outside
from holter.records import ActionTaken, Plan, Tick
from holter.remedies.ladder import OUTSIDE_RUNG
from holter.sentences import as_fields, define

# Somebody else on the GPU may have been there all the time: what was too much for a moment is tried again.
MAY_FIT = ("gpu-shared-or-zombie",)
# A training that something outside has ended is started when this part of its delay has passed without that thing.
CLEAR_PART = 0.1

CLEARED = define("act.cleared", "cleared after {waited:.0f} s")


class Waiting:
    """At most one wait at a time."""

    def __init__(self, say: Callable[[ActionTaken], None]) -> None:
        self._say = say
        self._outside = Outside()
        self._told: ActionTaken | None = None

    @property
    def is_on(self) -> bool:
        """Whether something is waited for."""
        return self._told is not None

    def look(self, tick: Tick) -> None:
        """Take in what the probes say of things outside; also while no training runs."""
        self._outside.see(tick)

    def begin(self, action: ActionTaken) -> None:
        """Say that it is waited, and what to ask for."""
        self._told = action
        self._say(action)

    def forget(self) -> None:
        """What was waited for is of a process that is gone."""
        self._told = None

    def is_for(self, plans: Iterable[Plan]) -> bool:
        """Whether one of these plans is about what is waited for."""
        return self._told is not None and any(plan.cause == self._told.cause for plan in plans)

    def is_over(self, t_s: float) -> None:
        """Say how long it took, if anything was waited for."""
        if self._told is not None:
            cleared = as_fields(CLEARED(waited=t_s - self._told.t_s))
            self._say(msgspec.structs.replace(self._told, t_s=t_s, state="done", **cleared))
            self._told = None

    def cleared_s(self, cause: str | None, t_s: float) -> float | None:
        """Since we wait for it: what was never seen to be wrong is not over because it looks well."""
        if self._told is None or self._told.cause != cause:
            return None
        cleared_s = self._outside.clear_s(cause, t_s)
        return None if cleared_s is None else min(cleared_s, t_s - self._told.t_s)

    def may_go_on(self, plan: Plan, waited_s: float, t_s: float) -> bool:
        """Whether it is time for this restart: by the probes where they can tell, else by its delay."""
        clear = self._outside.is_clear(plan.cause) if plan.rung == OUTSIDE_RUNG else None
        if clear is None or (not clear and plan.cause in MAY_FIT):
            return waited_s >= plan.delay_s
        for_s = min(waited_s, self._outside.clear_s(plan.cause, t_s) or 0.0)
        return clear and for_s >= CLEAR_PART * plan.delay_s
