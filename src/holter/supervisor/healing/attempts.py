"""What healing has tried in a run, what it proposed, and the action whose effect is awaited."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holter.causes.steps import Settings
from holter.records import ActionTaken, Diagnosis, Message, Plan, Text, Value
from holter.remedies.admin_request import asked
from holter.remedies.ladder import Attempt, reason_of, settings_in_force
from holter.sentences import as_fields


class Attempts:
    """The plans that were taken over all processes of a run; ``say`` gets each state of their actions."""

    def __init__(self, say: Callable[[ActionTaken], None]) -> None:
        self.history: tuple[Attempt, ...] = ()
        self.generation = 0  # number of the process that lives now
        self.awaited: ActionTaken | None = None
        self._say = say
        self._requests: dict[str | None, tuple[tuple[str, Value], ...]] = {}  # cause -> values for an administrator
        self._proposed: set[tuple[str | None, str]] = set()

    @property
    def settings(self) -> Settings:
        """The environment variables that healing sets for the next process of the training."""
        return settings_in_force(self.history)

    def begin(self, restart: ActionTaken) -> None:
        """Note that ``restart`` has started a new process, and wait for its effect from now on."""
        self.generation = restart.generation
        self.awaited = restart

    def add(self, plan: Plan, t_s: float, epoch: int | None) -> None:
        self.history = (*self.history, Attempt(t_s, plan, epoch))

    def withdraw(self) -> None:
        """Remove the last plan: it is not carried out."""
        self.history = self.history[:-1]

    def helped(self) -> None:
        self.history = (*self.history[:-1], self.history[-1]._replace(helped=True))

    def taken_back(self) -> None:
        """Note that the settings of the last plan are taken back."""
        self.history = (*self.history[:-1], self.history[-1]._replace(taken_back=True))

    def start(self, action: ActionTaken) -> None:
        """Report an action that begins, and wait for its effect from now on."""
        self.awaited = action
        self._say(action)

    def settle(self, t_s: float, state: str, message: Text) -> None:
        """Report how the awaited action ended, such as ``done`` or ``failed``. Do nothing if no action is awaited."""
        if self.awaited is not None:
            self._say(msgspec.structs.replace(self.awaited, t_s=t_s, state=state, **as_fields(message)))
            self.awaited = None

    def propose_action(self, plan: Plan, t_s: float) -> None:
        """Report what healing would do, once for each cause and action."""
        key = (plan.cause, plan.action)
        if plan.action != "nothing" and key not in self._proposed:
            self._proposed.add(key)
            self._say(self.action(plan, t_s, "proposed"))

    def remember_request(self, plan: Plan, diagnosis: Diagnosis | None) -> None:
        """Keep the values for the request to the administrator about the plan's cause.

        A later ``wait`` action shows them.
        """
        self._requests[plan.cause] = asked(diagnosis, plan.cause)

    def action(self, plan: Plan, t_s: float, state: str, message: Message | None = None) -> ActionTaken:
        """Return an event for the tape: the action of this plan, and how far it is.

        ``state``: "proposed", "begun", "done" or "failed". ``message``: the sentence to show; None: the plan's reason.
        """
        return ActionTaken(
            t_s=t_s,
            action=plan.action,
            state=state,  # type: ignore[arg-type]
            message=message or reason_of(plan),
            cause=plan.cause,
            settings=plan.settings,
            asks=self._requests.get(plan.cause, ()) if plan.action == "wait" else (),
            generation=self.generation,
        )
