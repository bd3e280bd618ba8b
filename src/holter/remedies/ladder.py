"""Diagnosis and what was tried before -> the next thing to do. Pure: the supervisor carries it out.

The rungs: 1 replace workers in the epoch; 2 end and restart from the newest verified checkpoint; 3 restart with safer
settings, chosen by the cause; 4 outside our reach: wait until the condition clears, as the probes read it. Each cause
has its own ladder; a step that did not help is not taken again for the same cause until the training has moved on for
long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from holter.records import Diagnosis, Plan

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

Settings = tuple[tuple[str, str], ...]


class Attempt(NamedTuple):
    """One plan that was carried out, and where the run was then."""

    t_s: float
    plan: Plan
    epoch: int | None
    helped: bool = False  # the training went on: it may be done again, within the budget


class Situation(NamedTuple):
    """What the supervisor knows of the training at this moment."""

    t_s: float
    alive: bool  # the main process is there
    waits_for_batch: bool  # and its main thread waits for a batch of its workers
    epoch: int | None
    workers: int | None  # data workers of the training loader
    can_continue: bool  # the command is one of nnU-Net that knows --c
    cleared_s: float | None = None  # for so long what we wait for has been over; None: it is not, or unknown


class Step(NamedTuple):
    """One rung of a cause's ladder. ``settings`` are made from the situation."""

    action: Literal["replace-workers", "restart"]
    settings: Callable[[Situation], Settings] = lambda _: ()


def _fewer_workers(now: Situation) -> Settings:
    count = now.workers if now.workers is not None else 12  # nnU-Net's own choice where it cannot be told
    return (("nnUNet_n_proc_DA", str(max(1, count // 2))),)


def _no_workers(_: Situation) -> Settings:
    return (("nnUNet_n_proc_DA", "0"),)


def _shared_through_files(_: Situation) -> Settings:
    return (("HOLTER_SHARING", "file_system"),)


def _not_compiled(_: Situation) -> Settings:
    return (("nnUNet_compile", "f"),)


IN_EPOCH = Step("replace-workers")
AGAIN = Step("restart")
FEWER = Step("restart", _fewer_workers)
ALONE = Step("restart", _no_workers)
THROUGH_FILES = Step("restart", _shared_through_files)
UNCOMPILED = Step("restart", _not_compiled)

# Confirmed or likely cause -> its ladder. A cause that is not here is no reason to touch the run.
LADDERS: dict[str, tuple[Step, ...]] = {
    "frozen-worker": (IN_EPOCH, AGAIN, THROUGH_FILES, ALONE),
    "worker-killed": (IN_EPOCH, AGAIN, FEWER, ALONE),
    "shm-too-small": (IN_EPOCH, AGAIN, FEWER, ALONE),
    "external-kill": (AGAIN, FEWER, ALONE),
    "worker-exception": (IN_EPOCH, AGAIN),
    "main-exception": (AGAIN, UNCOMPILED),
    "gpu-side-stall": (AGAIN, UNCOMPILED),
    "export-lost-result-hang": (AGAIN, FEWER),
}
# Nobody could say why: a restart may help once, single-process loading takes the commonest reasons away.
LADDER_WITHOUT_CAUSE: tuple[Step, ...] = (IN_EPOCH, AGAIN, ALONE)
# It would only happen again: a person must act.
STOP_AT_ONCE = ("truncated-preprocessed-file",)
# Outside our reach: the budget is not burnt, the condition is watched.
WAIT_FOR = (
    "disk-full-or-quota",
    "gpu-shared-or-zombie",
    "gpu-thermal-or-power",
    "slow-storage",
    "vgpu-unlicensed",
)
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
    if not now.can_continue and not (now.alive and now.waits_for_batch):
        return Plan(action="nothing", cause=cause)  # we must not end what we cannot start again
    if cause in STOP_AT_ONCE:
        return Plan(action="stop", cause=cause, reason="it-would-happen-again")
    over = _budget(history, now)
    if over is None:
        tried = [attempt.plan for attempt in _not_helpful(history, now, cause) if attempt.plan.cause == cause]
        steps = AFTER_WAIT if cause in WAIT_FOR else LADDERS.get(cause or "", LADDER_WITHOUT_CAUSE)
        for index, step in enumerate(steps):
            plan = _plan(step, cause, index, tried, now)
            if plan is not None:
                return plan
    if not now.can_continue:
        return Plan(action="nothing", cause=cause)
    return Plan(action="stop", cause=cause, reason=over or "every-rung-was-tried")


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


def _plan(step: Step, cause: str | None, index: int, tried: list[Plan], now: Situation) -> Plan | None:
    """The step as a plan; None where it does not apply now or was tried."""
    if step.action == "replace-workers" and not (now.alive and now.waits_for_batch):
        return None
    if step.action == "restart" and not now.can_continue:
        return None
    settings = step.settings(now)
    if any(plan.action == step.action and plan.settings == settings for plan in tried):
        return None
    restarts = sum(plan.action == "restart" for plan in tried)
    return Plan(
        action=step.action,
        cause=cause,
        rung=1 if step.action == "replace-workers" else 3 if settings else 2,
        settings=settings,
        delay_s=BACK_OFF_S[min(restarts, len(BACK_OFF_S) - 1)] if step.action == "restart" else 0.0,
        reason=f"step-{index + 1}",
    )


def _cause(diagnosis: Diagnosis | None) -> str | None:
    if diagnosis is None or not diagnosis.verdicts:
        return None
    best = diagnosis.verdicts[0]
    return best.cause if best.verdict in ("confirmed", "likely") else None


def _budget(history: tuple[Attempt, ...], now: Situation) -> str | None:
    """Why no more heals are allowed; None while they are."""
    history = tuple(attempt for attempt in history if attempt.plan.rung != OUTSIDE_RUNG)  # waiting costs nothing
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
