"""Wait for a condition that Holter cannot change, check whether it has cleared, and report the wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from holter.evidence.outside import Outside
from holter.records import ActionTaken, Plan, Tick
from holter.remedies.ladder import OUTSIDE_RUNG, WAIT_FOR
from holter.sentences import as_fields, define

# An ended training is started again when the condition has been clear for this part of the delay.
CLEAR_PART = 0.1

CLEARED = define("act.cleared", "cleared after {waited:.0f} s")


class ExternalWait:
    """The wait for a condition outside of Holter; at most one at a time."""

    def __init__(self, say: Callable[[ActionTaken], None]) -> None:
        self._say = say
        self._outside = Outside()
        self._begun: ActionTaken | None = None

    @property
    def is_on(self) -> bool:
        return self._begun is not None

    def update(self, tick: Tick) -> None:
        """Record the probes' readings of outside conditions; also called while no training runs."""
        self._outside.see(tick)

    def begin(self, action: ActionTaken) -> None:
        """Report the wait, and the request to the administrator."""
        self._begun = action
        self._say(action)

    def forget(self) -> None:
        """Drop the wait without a report, because the process that it concerned is gone."""
        self._begun = None

    def is_for(self, plans: Iterable[Plan]) -> bool:
        """Return whether Holter waits now for the cause of one of these plans."""
        return self._begun is not None and any(plan.cause == self._begun.cause for plan in plans)

    def is_over(self, t_s: float) -> None:
        """Report how long the wait took, if there was one."""
        if self._begun is not None:
            cleared = as_fields(CLEARED(waited=t_s - self._begun.t_s))
            self._say(msgspec.structs.replace(self._begun, t_s=t_s, state="done", **cleared))
            self._begun = None

    def cleared_s(self, cause: str | None, t_s: float) -> float | None:
        """Return for how many seconds the outside problem has been over, counted at most from the start of the wait.

        None if it is not over or that is unknown, or if Holter does not wait because of this cause.
        """
        if self._begun is None or self._begun.cause != cause:
            return None
        wait = WAIT_FOR.get(cause or "")
        cleared_s = None if wait is None else self._outside.clear_s(wait.condition, t_s)
        return None if cleared_s is None else min(cleared_s, t_s - self._begun.t_s)

    def may_go_on(self, plan: Plan, waited_s: float, t_s: float) -> bool:
        """Return whether to restart now, after ``waited_s`` seconds of waiting.

        If the probes see that the outside problem is over, it must have been over for a part of the plan's delay. If
        they cannot see it, or if it is not over but may be short, a restart is tried when the whole delay is over.
        """
        wait = WAIT_FOR.get(plan.cause or "") if plan.rung == OUTSIDE_RUNG else None
        clear = None if wait is None else self._outside.is_clear(wait.condition)
        if wait is None or clear is None or (not clear and wait.may_be_momentary):
            return waited_s >= plan.delay_s
        for_s = min(waited_s, self._outside.clear_s(wait.condition, t_s) or 0.0)
        return clear and for_s >= CLEAR_PART * plan.delay_s
