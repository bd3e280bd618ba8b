"""Diagnosis and what was tried before -> the next thing to do. Pure: the supervisor carries it out.

The rungs: 1 replace workers in the epoch; 2 end and restart from the newest verified checkpoint; 3 restart with safer
settings, chosen by the cause; 4 outside our reach: wait until the condition clears, as the probes read it. Each cause
has its own ladder in its file; a step that did not help is not taken again for the same cause until the training has
moved on for long, and a setting that is in force already is no step.
"""

from __future__ import annotations

from typing import NamedTuple

from holter.causes import MODULES
from holter.causes.steps import AGAIN, Facts, Settings, Situation, Step
from holter.records import Diagnosis, Message, Plan
from holter.remedies.which_ladder import LADDERS, is_asked_for, known_facts, ladder_of
from holter.sentences import Sentence, define

# A person would look after this many heals in an hour; a broken machine must not be kept busy for a night.
HEALS_AN_HOUR = 6
HEALS_A_RUN = 20
# Heals in a row after which no epoch was finished: something else is wrong.
HEALS_WITHOUT_EPOCH = 4
# Before the second, third … restart for the same cause: what is wrong outside may pass.
BACK_OFF_S = (0.0, 5.0, 30.0, 120.0)
HOUR_S = 3600.0
# What is outside our reach and has ended the training may be mended by then; doubled each time.
WAIT_DEAD_S = 120.0
# The same step that helped, so often within this time: it treats the symptom, the next rung may cure.
HELPED_OFTEN = 3
OFTEN_WITHIN_S = 1800.0

# Why workers are replaced, where nobody has said it more closely.
WAITS = define("act.waits-for-batch", "the training waits for a batch")
# Why a ladder ends. A step of it, and a wait, say nothing of their own.
REASONS: dict[str, Sentence] = {
    name: define(f"reason.{name}", english)
    for name, english in (
        ("budget-of-the-hour", "{hour} heals within an hour are enough; a person must look"),
        ("budget-of-the-run", "{run} heals in one run are enough; a person must look"),
        ("no-progress", "after the last {row} heals not one epoch was finished"),
        ("every-rung-was-tried", "everything that may help against this was tried"),
        ("it-would-happen-again", "it would only happen again; a person must act first"),
        ("no-rung", "Holter knows nothing to do about it"),
        ("no-usable-checkpoint", "no usable checkpoint is left; --restart-from-scratch begins again at epoch 0"),
        ("main-hangs", "the main process has stood still for too long"),
        ("asked-to-stop", "somebody or a scheduler asked for it"),
    )
}
# The limits that reasons speak of.
LIMITS = {
    "budget-of-the-hour": {"hour": HEALS_AN_HOUR},
    "budget-of-the-run": {"run": HEALS_A_RUN},
    "no-progress": {"row": HEALS_WITHOUT_EPOCH},
}


def reason_of(plan: Plan) -> Message | None:
    """Return the words for the reason of a plan; None for a step of a ladder, which its action says."""
    return REASONS[plan.reason](**LIMITS.get(plan.reason, {})) if plan.reason in REASONS else None


class Attempt(NamedTuple):
    """One plan that was carried out, and where the run was then."""

    t_s: float
    plan: Plan
    epoch: int | None
    helped: bool = False  # the training went on: it may be done again, within the budget
    taken_back: bool = False  # with its settings the training did not come to train: they are no longer in force


# It would only happen again: a person must act.
STOP_AT_ONCE = tuple(module.CAUSE for module in MODULES if getattr(module, "STOPS", False))
# Outside our reach: the budget is not burnt, the condition is watched.
WAIT_FOR = tuple(module.CAUSE for module in MODULES if getattr(module, "WAITS", False))
OUTSIDE_RUNG = 4
# What was waited for is over for so long, and the training still stands: it does not find back by itself.
STANDS_AFTER_S = 60.0
AFTER_WAIT: tuple[Step, ...] = (AGAIN,)


def next_plan(diagnosis: Diagnosis | None, history: tuple[Attempt, ...], now: Situation) -> Plan:
    """What to do about this diagnosis (None: the main process is gone and nobody knows why)."""
    cause = _cause(diagnosis)
    if cause in WAIT_FOR and not _stands_after(now):
        return _wait(cause, history, now)
    if cause is not None and cause not in (*LADDERS, *WAIT_FOR) and now.alive:
        return Plan(action="nothing", cause=cause)
    if not _can_restart(now) and not (now.alive and now.waits_for_batch and cause not in STOP_AT_ONCE):
        return Plan(action="nothing", cause=cause)  # we must not end what we cannot start again
    if cause in STOP_AT_ONCE or is_asked_for(known_facts(diagnosis)):
        return Plan(action="stop", cause=cause, reason="it-would-happen-again")
    over = budget_is_over(history, now)
    if over is None:
        now, facts = now._replace(in_force=settings_in_force(history, now.in_force)), known_facts(diagnosis)
        ours = [attempt.plan for attempt in _not_helpful(history, now, cause) if attempt.plan.cause == cause]
        tried = [plan for plan in ours if plan.rung != OUTSIDE_RUNG]
        for step in AFTER_WAIT if cause in WAIT_FOR else ladder_of(cause, now, facts):
            plan = _plan(step, cause, tried, now, facts)
            if plan is not None:
                return plan
    if not _can_restart(now):
        return Plan(action="nothing", cause=cause)
    if cause in WAIT_FOR:
        return _wait(cause, history, now)  # never ended for good by what is outside our reach
    return Plan(action="stop", cause=cause, reason=over or "every-rung-was-tried")


def _can_restart(now: Situation) -> bool:
    """Whether it may be ended and started again: one that lives is worth more than no checkpoint at all."""
    return now.can_continue and (now.may_end or not now.alive)


def settings_in_force(history: tuple[Attempt, ...], given: Settings = ()) -> Settings:
    """What was chosen since the training was given its own settings."""
    settings = dict(given)
    for attempt in history:
        if not attempt.taken_back:
            settings.update(attempt.plan.settings)
    return tuple(settings.items())


def _wait(cause: str | None, history: tuple[Attempt, ...], now: Situation) -> Plan:
    """Outside our reach: watch what lives; start anew what it has ended, once it is over.

    ``delay_s`` is for a condition that cannot be read: later and later.
    """
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
    """The step as a plan; None where it does not apply now, was tried, or would change nothing."""
    if step.action == "replace-workers" and not (now.alive and now.waits_for_batch and now.workers):
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
    """Why no more heals are allowed; None while they are. Waiting for what is outside our reach costs nothing."""
    history = tuple(attempt for attempt in history if attempt.plan.rung != OUTSIDE_RUNG)
    if sum(attempt.t_s > now.t_s - HOUR_S for attempt in history) >= HEALS_AN_HOUR:
        return "budget-of-the-hour"
    if len(history) >= HEALS_A_RUN:
        return "budget-of-the-run"
    last = [attempt for attempt in history if not attempt.helped][-HEALS_WITHOUT_EPOCH:]
    if len(last) == HEALS_WITHOUT_EPOCH and all(attempt.epoch == now.epoch for attempt in last):
        return "no-progress"
    return None


# This many epochs after a heal it counts as a success, and the ladder begins anew.
EPOCHS_OF_SUCCESS = 2


def _not_helpful(history: tuple[Attempt, ...], now: Situation, cause: str | None) -> tuple[Attempt, ...]:
    """Attempts that did not help, or that helped too often, and after which the run has not moved on for long."""
    recent = [one for one in history if one.plan.cause == cause and one.t_s > now.t_s - OFTEN_WITHIN_S]
    often = sum(one.helped for one in recent) >= HELPED_OFTEN
    tried = tuple(one for one in history if often or not one.helped)
    if now.epoch is None:
        return tried
    return tuple(one for one in tried if one.epoch is None or now.epoch - one.epoch < EPOCHS_OF_SUCCESS)
