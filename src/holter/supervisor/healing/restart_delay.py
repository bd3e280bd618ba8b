"""Wait between two processes of a run, while the recording continues and signals can end the run."""

from __future__ import annotations

import threading
from collections.abc import Callable

from holter.linux.signals import start_without_signals
from holter.records import Plan, Text
from holter.remedies.ladder import OUTSIDE_RUNG
from holter.sentences import define
from holter.supervisor.healing.continuation import Way
from holter.supervisor.healing.healer import Healer
from holter.supervisor.recording.clock import RunClock

# A share is mounted again within minutes or hours; after a day it will not come back.
STORAGE_BACK_S, STORAGE_BACK_MOST_S, STORAGE_GONE_S = 10.0, 600.0, 86_400.0

# Checkpoints are mostly read in less; then the recording is not held up for a second.
PREPARED_WITHIN_S = 0.5

NO_ANSWER = define("act.storage-silent", "the storage of its checkpoints does not answer")
AFTER = define("act.after", "after {waited:.0f} s")

Tell = Callable[[str, str, Text, Plan], None]  # records one state of an action: action, state, message, plan


class RestartDelay:
    """Waits while no training runs; each second is recorded, and a request to end the run ends the wait."""

    def __init__(
        self,
        healer: Healer,
        clock: RunClock,
        step: Callable[[], None],
        is_asked_to_end: Callable[[], bool],
        tell: Tell,
    ) -> None:
        """``step``: record one more second. ``is_asked_to_end``: return whether the run was asked to end."""
        self._healer = healer
        self._clock = clock
        self._step = step
        self._is_asked_to_end = is_asked_to_end
        self._tell = tell

    def before(self, plan: Plan) -> None:
        """Wait before a restart until the plan's delay or the outside problem is over, or a signal ends the run."""
        began_s = self._clock.t_s()
        self._healer.begin_wait(plan, began_s)
        while not self._is_asked_to_end():
            t_s = self._clock.t_s()
            if self._healer.waiting.may_go_on(plan, t_s - began_s, t_s):
                if plan.rung == OUTSIDE_RUNG:
                    self._healer.waiting.is_over(t_s)
                else:
                    self._healer.waiting.forget()  # it was of the process that has ended
                return
            self._step()

    def until_readable(self, prepare: Callable[[], Way], plan: Plan) -> Way:
        """Call ``prepare``, which finds how to continue the training, and return its result.

        If the storage fails (stale handle, network error), call it again for up to a day, at growing intervals.
        """
        began_s, delay_s = self._clock.t_s(), STORAGE_BACK_S
        way = self._prepared(prepare)
        if not way.may_pass:
            return way
        self._tell("wait", "begun", way.why_not, plan)
        while self._clock.t_s() < began_s + STORAGE_GONE_S and not self._is_asked_to_end():
            until_s = self._clock.t_s() + delay_s
            while self._clock.t_s() < until_s and not self._is_asked_to_end():
                self._step()
            delay_s = min(2 * delay_s, STORAGE_BACK_MOST_S)
            way = self._prepared(prepare)
            if not way.may_pass:
                break
        self._tell("wait", "failed" if way.may_pass else "done", AFTER(waited=self._clock.t_s() - began_s), plan)
        return way

    def _prepared(self, prepare: Callable[[], Way]) -> Way:
        # In a thread: a mount that hangs raises no error, and a signal must be able to end the run meanwhile.
        ways: list[Way] = []
        errors: list[Exception] = []

        def work() -> None:
            try:
                ways.append(prepare())
            except Exception as error:  # noqa: BLE001 - raised again below
                errors.append(error)

        thread = threading.Thread(target=work, name="holter-prepare", daemon=True)
        try:
            start_without_signals(thread)
        except RuntimeError:  # no more threads for this user
            return prepare()
        thread.join(PREPARED_WITHIN_S)
        while thread.is_alive() and not self._is_asked_to_end():
            self._step()
        if errors:
            raise errors[0]
        return ways[0] if ways else Way(why_not=NO_ANSWER(), may_pass=True)
