"""Summary of a campaign: a table, and the goals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.faults.fault import Fault
from benchmarks.reporting import Goal, Row
from benchmarks.survival.outcome import Outcome
from benchmarks.survival.table import find

IN_EPOCH_GOAL_S = 15.0
RESTART_GOAL_S = 30.0  # beyond nnU-Net's own start-up
REPEATED_GOAL = 1
LOST_GOAL_PERCENT = 3.0  # of the time of a run with one fault per hour: goodput of 97 %
HOUR_S = 3600.0
HEALTHY = Fault.name


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """Return one row per fault and data set."""
    keys = dict.fromkeys((outcome.fault, outcome.data) for outcome in outcomes)
    return [
        _row(name, data, [outcome for outcome in outcomes if (outcome.fault, outcome.data) == (name, data)])
        for name, data in keys
    ]


def _row(name: str, data: str, outcomes: Sequence[Outcome]) -> Row:
    stock = [outcome for outcome in outcomes if not outcome.supervised and outcome.skipped is None]
    healed = [outcome for outcome in outcomes if outcome.supervised and outcome.skipped is None]
    accounts = [outcome.account for outcome in healed if outcome.account is not None]
    notes = sorted({outcome.problem or outcome.skipped or "" for outcome in outcomes} - {""})
    return {
        "fault": name,
        "data": data,
        "promise": Fault.promise if name == HEALTHY else find(name)().promise,
        "stock survived": _survived(stock),
        "Holter survived": _survived(healed),
        "faults": sum(outcome.faults for outcome in healed),
        "by": " ".join(
            dict.fromkeys(
                _action_word(action) for account in accounts for action in (*account.actions, *_waiting(account.waited))
            )
        ),
        "back after s, worst": _most([account.back_s for account in accounts]),
        "lost a fault s, median": _median([account.lost_s for account in accounts]),
        "epochs begun again": _most([_a_fault(outcome.begun_again, outcome) for outcome in healed]),
        "finished again": _most([_a_fault(outcome.finished_again, outcome) for outcome in healed]),
        "loss stock": _median([outcome.train_loss for outcome in stock]),
        "loss Holter": _median([outcome.train_loss for outcome in healed]),
        "Dice stock": _median([outcome.dice for outcome in stock]),
        "Dice Holter": _median([outcome.dice for outcome in healed]),
        "silent s, survivors": _most([outcome.silent_s for outcome in (*stock, *healed) if outcome.survived]),
        "note": "; ".join(notes),
    }


def _waiting(waited: bool) -> tuple[str, ...]:
    return ("wait",) if waited else ()


def _action_word(action: str) -> str:
    return {"replace-workers": "new workers", "end-group": "end", "set-aside-checkpoint": "set aside"}.get(
        action, action
    )


def _survived(outcomes: Sequence[Outcome]) -> str | None:
    # ``yes``, ``no``, ``hangs``, or a fraction.
    if not outcomes:
        return None
    count = sum(outcome.survived for outcome in outcomes)
    if 0 < count < len(outcomes):
        return f"{count}/{len(outcomes)}"
    if count:
        return "yes"
    codes = {outcome.exit_code for outcome in outcomes}
    return "hangs" if all(outcome.hung for outcome in outcomes) else "stops, 76" if codes == {76} else "no"


def goals(outcomes: Sequence[Outcome]) -> list[Goal]:
    """Return the goals; open if nothing was measured."""
    healed = [outcome for outcome in outcomes if outcome.supervised and outcome.skipped is None]
    broken = [outcome for outcome in healed if outcome.fault != HEALTHY]
    healthy = [outcome for outcome in healed if outcome.fault == HEALTHY]
    heals = [outcome for outcome in broken if find(outcome.fault)().promise == "goes-on"]
    in_epoch = [_back_s(outcome) for outcome in heals if find(outcome.fault)().in_epoch]
    restarts = [
        outcome.account.restart_s
        for outcome in heals
        if outcome.account is not None and outcome.account.restart_s is not None
    ]
    startup_s = _median([outcome.account.startup_s for outcome in healthy if outcome.account is not None])
    beyond = [seconds - startup_s for seconds in restarts] if startup_s is not None else []
    lost = [
        outcome.account.lost_s
        for outcome in heals
        if outcome.account is not None and outcome.account.lost_s is not None
    ]
    return [
        _at_most(
            "promises that Holter did not keep",
            0,
            [float(sum(outcome.problem is not None for outcome in broken))] * bool(broken),
        ),
        _at_most("back at work in the same epoch, worst (s)", IN_EPOCH_GOAL_S, in_epoch),
        _at_most("restart to first step, beyond nnU-Net's start-up, worst (s)", RESTART_GOAL_S, beyond),
        _at_most(
            "finished epochs done again after a fault, worst",
            REPEATED_GOAL,
            [_a_fault(outcome.finished_again, outcome) for outcome in heals],
        ),
        _at_most("time lost to one fault an hour, worst (%)", LOST_GOAL_PERCENT, [100 * s / HOUR_S for s in lost]),
        _at_most(
            "healthy runs in which something was done", 0, [float(sum(map(_is_touched, healthy)))] * bool(healthy)
        ),
    ]


def _back_s(outcome: Outcome) -> float:
    # A run that did not resume within its epoch counts as infinitely long.
    seconds = outcome.account.back_s if outcome.account is not None and outcome.problem is None else None
    return math.inf if seconds is None else seconds


def _a_fault(count: int, outcome: Outcome) -> float:
    return count / max(1, outcome.faults)


def _is_touched(outcome: Outcome) -> bool:
    return outcome.problem is not None or bool(outcome.account is not None and outcome.account.alarms)


def _at_most(name: str, goal: float, values: Sequence[float]) -> Goal:
    if not values:
        return Goal(name, goal, None, None)
    worst = max(values)
    return Goal(name, goal, None if math.isinf(worst) else round(worst, 2), worst <= goal)


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 4) if known else None
