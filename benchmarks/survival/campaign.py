"""All runs of a campaign, one after the other, and what they say together."""

from __future__ import annotations

import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.material import say
from benchmarks.reporting import Goal, Row
from benchmarks.survival import data as datasets
from benchmarks.survival.fault import Fault, Stage
from benchmarks.survival.main_faults import KILLS_A_RUN, KilledWhileSaving
from benchmarks.survival.one_run import Length, Outcome, play
from benchmarks.survival.table import CORE, Make, find

IN_EPOCH_GOAL_S = 15.0
RESTART_GOAL_S = 30.0  # beyond nnU-Net's own start-up
REPEATED_GOAL = 1
LOST_GOAL_PERCENT = 3.0  # of the time of a run with one fault an hour: goodput of 97 %
HOUR_S = 3600.0
HEALTHY = Fault.name
KEPT = ("run.holter", "output.txt", "errors.txt")


class Healthy(Fault):
    """Nothing goes wrong, the final validation included."""

    validates = True


class Plan(NamedTuple):
    """What is to be run."""

    faults: tuple[str, ...]
    stock: frozenset[str]  # of them, also without Holter
    data: tuple[str, ...]
    repeats: int
    healthy: int
    kills: int  # while a checkpoint is being written
    length: Length
    budget_s: float = math.inf  # nothing is begun after it
    keep: Path | None = None


class Order(NamedTuple):
    """One run to be done."""

    make: Make
    data: str
    supervised: bool
    number: int


def orders(plan: Plan) -> list[Order]:
    """Faults take turns, so that a disturbed quarter of an hour does not fall on one of them alone."""
    found: list[Order] = []
    for number in range(plan.repeats):
        for data in plan.data:
            for name in plan.faults:
                if data == plan.data[0] or name in CORE:
                    found += _pair(plan, name, data, number)
    healthy = [Order(Healthy, plan.data[index % len(plan.data)], True, index) for index in range(plan.healthy)]
    # A healthy run first: its start-up is the measure of the others'.
    return [*healthy[:1], *found, *healthy[1:]]


def _pair(plan: Plan, name: str, data: str, number: int) -> list[Order]:
    make = find(name)
    with_holter = [Order(make, data, True, number)]
    if name == KilledWhileSaving.name:
        with_holter = [] if number or data != plan.data[0] else _many_kills(plan, data)
    is_stock = name in plan.stock and make().stock
    return [*([Order(make, data, False, number)] if is_stock else []), *with_holter]


def _many_kills(plan: Plan, data: str) -> list[Order]:
    runs = math.ceil(plan.kills / KILLS_A_RUN)

    def some(kills: int) -> Callable[[], Fault]:
        return lambda: KilledWhileSaving(kills)

    left = [min(KILLS_A_RUN, plan.kills - KILLS_A_RUN * index) for index in range(runs)]
    return [Order(some(kills), data, True, index) for index, kills in enumerate(left)]


def campaign(plan: Plan) -> list[Outcome]:
    """Run it all."""
    brains = {name: datasets.prepared(name) for name in plan.data}
    began_s = time.monotonic()
    outcomes: list[Outcome] = []
    all_orders = orders(plan)
    for index, order in enumerate(all_orders):
        fault = order.make()
        reason = fault.needs()
        if reason is None and time.monotonic() - began_s > plan.budget_s:
            reason = "no time left in --quick"
        if reason is not None:
            outcomes.append(Outcome(fault=fault.name, supervised=order.supervised, data=order.data, skipped=reason))
            continue
        with tempfile.TemporaryDirectory(prefix="holter-survival-", ignore_cleanup_errors=True) as folder:
            stage = Stage(Path(folder), brains[order.data], order.number)
            outcome = play(fault, stage, plan.length, order.data, supervised=order.supervised)
            if plan.keep is not None and order.supervised and outcome.problem is not None:
                _keep(Path(folder), plan.keep / f"{fault.name}-{order.data}-{order.number}")
        outcomes.append(outcome)
        say(f"{index + 1}/{len(all_orders)} {outcome.told()}")
    return outcomes


def _keep(folder: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        if (folder / name).exists():
            shutil.copy(folder / name, to)


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """The table: a line for each fault and data set."""
    keys = dict.fromkeys((one.fault, one.data) for one in outcomes)
    return [_row(name, data, [one for one in outcomes if (one.fault, one.data) == (name, data)]) for name, data in keys]


def _row(name: str, data: str, outcomes: Sequence[Outcome]) -> Row:
    stock = [one for one in outcomes if not one.supervised and one.skipped is None]
    healed = [one for one in outcomes if one.supervised and one.skipped is None]
    accounts = [one.account for one in healed if one.account is not None]
    notes = sorted({one.problem or one.skipped or "" for one in outcomes} - {""})
    return {
        "fault": name,
        "data": data,
        "promise": Healthy.promise if name == HEALTHY else find(name)().promise,
        "stock survived": _survived(stock),
        "Holter survived": _survived(healed),
        "faults": sum(one.faults for one in healed),
        "by": " ".join(dict.fromkeys(_deed(deed) for one in accounts for deed in (*one.deeds, *_waiting(one.waited)))),
        "back after s, worst": _most([one.back_s for one in accounts]),
        "lost a fault s, median": _median([one.lost_s for one in accounts]),
        "epochs begun again": _most([_a_fault(one.begun_again, one) for one in healed]),
        "finished again": _most([_a_fault(one.finished_again, one) for one in healed]),
        "loss stock": _median([one.train_loss for one in stock]),
        "loss Holter": _median([one.train_loss for one in healed]),
        "Dice stock": _median([one.dice for one in stock]),
        "Dice Holter": _median([one.dice for one in healed]),
        "note": "; ".join(notes),
    }


def _waiting(waited: bool) -> tuple[str, ...]:
    return ("wait",) if waited else ()


def _deed(deed: str) -> str:
    return {"replace-workers": "new workers", "end-group": "end", "set-aside-checkpoint": "set aside"}.get(deed, deed)


def _survived(outcomes: Sequence[Outcome]) -> str | None:
    """``yes``, ``no``, ``hangs``, or how many of how many."""
    if not outcomes:
        return None
    count = sum(one.survived for one in outcomes)
    if 0 < count < len(outcomes):
        return f"{count}/{len(outcomes)}"
    if count:
        return "yes"
    codes = {one.exit_code for one in outcomes}
    return "hangs" if all(one.hung for one in outcomes) else "stops, 76" if codes == {76} else "no"


def goals(outcomes: Sequence[Outcome]) -> list[Goal]:
    """The promises; open where nothing was measured."""
    healed = [one for one in outcomes if one.supervised and one.skipped is None]
    broken = [one for one in healed if one.fault != HEALTHY]
    healthy = [one for one in healed if one.fault == HEALTHY]
    heals = [one for one in broken if find(one.fault)().promise == "goes-on"]
    in_epoch = [_back_s(one) for one in heals if find(one.fault)().in_epoch]
    restarts = [one.account.restart_s for one in heals if one.account is not None and one.account.restart_s is not None]
    startup_s = _median([one.account.startup_s for one in healthy if one.account is not None])
    beyond = [seconds - startup_s for seconds in restarts] if startup_s is not None else []
    lost = [one.account.lost_s for one in heals if one.account is not None and one.account.lost_s is not None]
    return [
        _at_most(
            "promises that Holter did not keep",
            0,
            [float(sum(one.problem is not None for one in broken))] * bool(broken),
        ),
        _at_most("back at work in the same epoch, worst (s)", IN_EPOCH_GOAL_S, in_epoch),
        _at_most("restart to first step, beyond nnU-Net's start-up, worst (s)", RESTART_GOAL_S, beyond),
        _at_most(
            "finished epochs done again after a fault, worst",
            REPEATED_GOAL,
            [_a_fault(one.finished_again, one) for one in heals],
        ),
        _at_most("time lost to one fault an hour, worst (%)", LOST_GOAL_PERCENT, [100 * s / HOUR_S for s in lost]),
        _at_most(
            "healthy runs in which something was done", 0, [float(sum(map(_is_touched, healthy)))] * bool(healthy)
        ),
    ]


def _back_s(outcome: Outcome) -> float:
    """A run that did not come back in its epoch took for ever."""
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
