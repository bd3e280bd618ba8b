"""Choose the next action from the diagnosis and previous attempts. Pure: the supervisor carries it out.

The rungs: 1 replace workers within the epoch; 2 end and restart from the newest verified checkpoint; 3 restart with
safer settings, chosen by the cause; 4 wait until the probes read that an outside condition has cleared. Each
cause has its own ladder in its file. A step that did not help is repeated for the same cause only after the training
has moved on for several epochs. A step is skipped if its settings are already in force.
"""

from __future__ import annotations

from typing import NamedTuple

from holter.causes import stated
from holter.causes.offers import Wait
from holter.causes.steps import AGAIN, Facts, Settings, Situation, Step
from holter.records import Diagnosis, Message, Plan
from holter.remedies.which_ladder import LADDERS, ends_the_same_again, known_facts, ladder_of
from holter.sentences import Sentence, define

# After this many heals in an hour a person must check; a broken machine must not be kept busy all night.
HEALS_AN_HOUR = 6
HEALS_A_RUN = 20
# After this many heals in a row without a finished epoch, something else is wrong.
HEALS_WITHOUT_EPOCH = 4
# Delay before the first, second … restart for the same cause: an outside condition may pass.
BACK_OFF_S = (0.0, 5.0, 30.0, 120.0)
HOUR_S = 3600.0
# A command of the user's own without a heartbeat: wrong options, paths and modules end it sooner, and would again.
OWN_WORKS_AFTER_S = 30
# An outside condition that has ended the training may be repaired after this time; doubled each time.
WAIT_DEAD_S = 120.0
# A step that helped this often within this time treats only the symptom; the next rung may cure.
HELPED_OFTEN = 3
OFTEN_WITHIN_S = 1800.0

# Why workers are replaced, if no more exact reason was recorded.
WAITS = define("act.waits-for-batch", "the training waits for a batch")
# Why a ladder ends. Steps and waits have no reason of their own.
REASONS: dict[str, Sentence] = {
    name: define(f"reason.{name}", english)
    for name, english in (
        ("budget-of-the-hour", "{hour} heals within an hour are the limit; a person must look"),
        ("budget-of-the-run", "{run} heals in one run are the limit; a person must look"),
        ("no-progress", "after the last {row} heals not one epoch was finished"),
        ("every-rung-was-tried", "everything that may help against this was tried"),
        ("it-would-happen-again", "it would only happen again; a person must act first"),
        ("no-rung", "Holter knows nothing to do about it"),
        ("no-usable-checkpoint", "no usable checkpoint is left; --restart-from-scratch begins again at epoch 0"),
        ("main-hangs", "the main process has been stalled for too long"),
        ("asked-to-stop", "somebody or a scheduler asked for it"),
        ("never-trained", "it ended before a step was seen, and would end like that again"),
        ("ended-too-soon", "it ended within {least} s of its start, and would end like that again"),
    )
}
# The limits that the reasons name.
LIMITS = {
    "budget-of-the-hour": {"hour": HEALS_AN_HOUR},
    "budget-of-the-run": {"run": HEALS_A_RUN},
    "no-progress": {"row": HEALS_WITHOUT_EPOCH},
    "ended-too-soon": {"least": OWN_WORKS_AFTER_S},
}


def reason_of(plan: Plan) -> Message | None:
    """Return the sentence for a plan's reason; None for a step of a ladder or a wait."""
    return REASONS[plan.reason](**LIMITS.get(plan.reason, {})) if plan.reason in REASONS else None


class Attempt(NamedTuple):
    """A plan that was carried out, and the state of the run at that time."""

    t_s: float
    plan: Plan
    epoch: int | None
    helped: bool = False  # the training went on: the step may be repeated, within the budget
    taken_back: bool = False  # the training did not start to train with its settings: they are no longer in force


# These would only happen again: a person must act.
STOP_AT_ONCE = tuple(stated("STOPS"))
# Outside our reach: the condition is watched, and the budget is not used.
WAIT_FOR: dict[str, Wait] = stated("WAITS")
OUTSIDE_RUNG = 4
# If the condition cleared this long ago and the training is still stalled, it does not recover by itself.
STANDS_AFTER_S = 60.0
AFTER_WAIT: tuple[Step, ...] = (AGAIN,)


def next_plan(diagnosis: Diagnosis | None, history: tuple[Attempt, ...], now: Situation) -> Plan:
    """Return what to do about this diagnosis; the action ``nothing`` if nothing is to be done.

    ``diagnosis``: None if the main process has ended without a cause. ``history``: the plans that were carried out,
    oldest first. ``now``: the state of the training.
    """
    cause = _cause(diagnosis)
    if cause in WAIT_FOR and not _stands_after(now):
        return _wait(cause, history, now)
    if cause is not None and cause not in (*LADDERS, *WAIT_FOR) and now.alive:
        return Plan(action="nothing", cause=cause)
    if not _can_restart(now) and not (now.alive and now.waits_for_batch and cause not in STOP_AT_ONCE):
        return Plan(action="nothing", cause=cause)  # never end a training that cannot be started again
    if cause in STOP_AT_ONCE or ends_the_same_again(known_facts(diagnosis)):
        return Plan(action="stop", cause=cause, reason="it-would-happen-again")
    over = budget_is_over(history, now)
    if over is None:
        now, facts = now._replace(in_force=settings_in_force(history, now.in_force)), known_facts(diagnosis)
        plans = [attempt.plan for attempt in _not_helpful(history, now, cause) if attempt.plan.cause == cause]
        tried = [plan for plan in plans if plan.rung != OUTSIDE_RUNG]
        for step in AFTER_WAIT if cause in WAIT_FOR else ladder_of(cause, now, facts):
            plan = _plan(step, cause, tried, now, facts)
            if plan is not None:
                return plan
    if not _can_restart(now):
        return Plan(action="nothing", cause=cause)
    if cause in WAIT_FOR:
        return _wait(cause, history, now)  # a condition outside our reach never ends a run for good
    return Plan(action="stop", cause=cause, reason=over or "every-rung-was-tried")


def _can_restart(now: Situation) -> bool:
    # A live training is worth more than no checkpoint at all.
    return now.can_continue and (now.may_end or not now.alive)


def settings_in_force(history: tuple[Attempt, ...], given: Settings = ()) -> Settings:
    """Return the environment variables that the training has: those of all attempts, except what was taken back.

    ``given``: those that it was started with; an attempt's value for the same variable replaces the given one.
    """
    settings = dict(given)
    for attempt in history:
        if not attempt.taken_back:
            settings.update(attempt.plan.settings)
    return tuple(settings.items())


def _wait(cause: str | None, history: tuple[Attempt, ...], now: Situation) -> Plan:
    # A live training is watched; an ended one is started again when the condition has cleared.
    # ``delay_s`` is for a condition that cannot be read: it grows with every attempt.
    if now.alive:
        return Plan(action="wait", cause=cause, rung=OUTSIDE_RUNG, reason="outside-our-reach")
    again = sum(attempt.plan.cause == cause for attempt in history)
    if not now.can_continue:
        return Plan(action="nothing", cause=cause)
    if again >= HEALS_A_RUN:
        return Plan(action="stop", cause=cause, reason="budget-of-the-run")
    delay_s = min(WAIT_DEAD_S * 2**again, HOUR_S)
    return Plan(action="restart", cause=cause, rung=OUTSIDE_RUNG, delay_s=delay_s, reason="outside-our-reach")


def _stands_after(now: Situation) -> bool:
    return now.alive and now.cleared_s is not None and now.cleared_s >= STANDS_AFTER_S


def _plan(step: Step, cause: str | None, tried: list[Plan], now: Situation, facts: Facts) -> Plan | None:
    # None if the step does not apply now, was tried, or would change nothing.
    can_replace = now.alive and now.waits_for_batch and now.workers and now.can_replace
    if step.action == "replace-workers" and not can_replace:
        return None
    if step.action == "restart" and not _can_restart(now):
        return None
    settings = step.settings(now, facts)
    if settings is None or (settings and set(settings) <= set(now.in_force)):
        return None
    reason = f"step-{step.name}"
    same = [plan for plan in tried if plan.action == step.action]
    if any(reason == plan.reason or plan.settings == settings for plan in same):
        return None
    restarts = sum(plan.action == "restart" for plan in tried)
    return Plan(
        action=step.action,
        cause=cause,
        rung=1 if step.action == "replace-workers" else 3 if settings else 2,
        settings=settings,
        delay_s=BACK_OFF_S[min(restarts, len(BACK_OFF_S) - 1)] if step.action == "restart" else 0.0,
        reason=reason,
    )


def _cause(diagnosis: Diagnosis | None) -> str | None:
    if diagnosis is None or not diagnosis.verdicts:
        return None
    best = diagnosis.verdicts[0]
    return best.cause if best.verdict in ("confirmed", "likely") else None


def budget_is_over(history: tuple[Attempt, ...], now: Situation) -> str | None:
    """Return why no more heals are allowed, or None. Waits for outside conditions are not counted."""
    history = tuple(attempt for attempt in history if attempt.plan.rung != OUTSIDE_RUNG)
    if sum(attempt.t_s > now.t_s - HOUR_S for attempt in history) >= HEALS_AN_HOUR:
        return "budget-of-the-hour"
    if len(history) >= HEALS_A_RUN:
        return "budget-of-the-run"
    last = [attempt for attempt in history if not attempt.helped][-HEALS_WITHOUT_EPOCH:]
    if len(last) == HEALS_WITHOUT_EPOCH and all(attempt.epoch == now.epoch for attempt in last):
        return "no-progress"
    return None


# After this many epochs a heal counts as a success, and the ladder starts from the beginning.
EPOCHS_OF_SUCCESS = 2


def _not_helpful(history: tuple[Attempt, ...], now: Situation, cause: str | None) -> tuple[Attempt, ...]:
    # Attempts that helped too often also count, until EPOCHS_OF_SUCCESS epochs later.
    recent = [attempt for attempt in history if attempt.plan.cause == cause and attempt.t_s > now.t_s - OFTEN_WITHIN_S]
    often = sum(attempt.helped for attempt in recent) >= HELPED_OFTEN
    tried = tuple(attempt for attempt in history if often or not attempt.helped)
    if now.epoch is None:
        return tried
    return tuple(attempt for attempt in tried if attempt.epoch is None or now.epoch - attempt.epoch < EPOCHS_OF_SUCCESS)
