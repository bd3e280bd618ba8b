"""All runs of a campaign, one after the other."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults.checkpoints import KILLS_A_RUN, KilledWhileSaving
from benchmarks.faults.fault import Fault, Make, Stage
from benchmarks.faults.run import ERRORS, OUTPUT, TAPE
from benchmarks.material import say
from benchmarks.survival import data as datasets
from benchmarks.survival.one_run import Pace, play
from benchmarks.survival.outcome import Key, Outcome
from benchmarks.survival.table import CORE, find
from holter.demo.prepare import Prepared

# No fault: start-up, epochs, checkpoints and the final validation, to find false alarms.
HEALTHY = partial(Fault, validates=True, epochs=3)


class Plan(NamedTuple):
    """The runs of a campaign."""

    faults: tuple[str, ...]
    stock: frozenset[str]  # of the faults, also run without Holter
    data: tuple[str, ...]
    repeats: int
    healthy: int
    kills: int  # while a checkpoint is being written
    pace: Pace
    only: str | None = None  # "stock" or "holter"
    part: tuple[int, int] = (1, 1)  # for example the first of two: every second run
    budget_s: float = math.inf  # no run is started after this time
    keep: Path | None = None


class Order(NamedTuple):
    """One run of a plan."""

    make: Make
    name: str
    data: str
    supervised: bool
    number: int

    @property
    def key(self) -> Key:
        """Key of its outcome."""
        return self.name, self.data, self.supervised, self.number


def orders(plan: Plan) -> list[Order]:
    """Return all runs, faults in turns, so that a disturbance of some minutes does not affect only one fault."""
    broken: list[Order] = []
    for number in range(plan.repeats):
        for data in plan.data:
            for name in plan.faults:
                if data == plan.data[0] or name in CORE:
                    broken += _pair(plan, name, data, number)
    healthy = [
        Order(HEALTHY, Fault.name, plan.data[index % len(plan.data)], True, index) for index in range(plan.healthy)
    ]
    # A healthy run first: its start-up is the reference for the others.
    everything = [*healthy[:1], *broken, *healthy[1:]]
    wanted = [order for order in everything if plan.only is None or order.supervised == (plan.only == "holter")]
    number, parts = plan.part
    return wanted[number - 1 :: parts]


def _pair(plan: Plan, name: str, data: str, number: int) -> list[Order]:
    make = find(name)
    with_holter = [Order(make, name, data, True, number)]
    if name == KilledWhileSaving.name:
        with_holter = [] if number or data != plan.data[0] else _many_kills(plan, data)
    is_stock = name in plan.stock and make().stock
    return [*([Order(make, name, data, False, number)] if is_stock else []), *with_holter]


def _many_kills(plan: Plan, data: str) -> list[Order]:
    runs = math.ceil(plan.kills / KILLS_A_RUN)
    left = [min(KILLS_A_RUN, plan.kills - KILLS_A_RUN * index) for index in range(runs)]
    name = KilledWhileSaving.name
    return [Order(partial(KilledWhileSaving, kills), name, data, True, index) for index, kills in enumerate(left)]


def campaign(plan: Plan, done: Sequence[Outcome], keep: Callable[[list[Outcome]], None]) -> list[Outcome]:
    """Run the missing ones; ``keep`` gets all outcomes, first the given ones and then after every run."""
    brains = {name: datasets.prepared(name) for name in plan.data}
    began_s = time.monotonic()
    outcomes = [outcome for outcome in done if outcome.skipped is None]
    keep(outcomes)
    known = {outcome.key for outcome in outcomes}
    left = [order for order in orders(plan) if order.key not in known]
    for index, order in enumerate(left):
        fault = order.make()
        reason = fault.needs()
        if reason is None and time.monotonic() - began_s > plan.budget_s:
            reason = "no time left in --quick"
        outcome = _skipped(order, reason) if reason else _run(fault, order, plan, brains[order.data])
        outcomes.append(outcome)
        keep(outcomes)
        say(f"{index + 1}/{len(left)} {f'{order.name}: skipped, {reason}' if reason else outcome.line()}")
    return outcomes


def _skipped(order: Order, reason: str) -> Outcome:
    return Outcome(
        fault=order.name, supervised=order.supervised, data=order.data, number=order.number, skipped=reason
    )  # fmt: skip


def _run(fault: Fault, order: Order, plan: Plan, brains: Prepared) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="holter-survival-", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder), brains, order.number)
        outcome = play(fault, stage, plan.pace, order.data, supervised=order.supervised)
        if plan.keep is not None and order.supervised and outcome.problem is not None:
            _keep(Path(folder), plan.keep / f"{fault.name}-{order.data}-{order.number}")
    return outcome


def _keep(folder: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for name in (TAPE, OUTPUT, ERRORS):
        if (folder / name).exists():
            shutil.copy(folder / name, to)
