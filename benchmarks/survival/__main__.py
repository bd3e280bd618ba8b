"""Does a training survive what kills it? Each fault without Holter and under ``holter run --heal``, same seed.

A run has survived when every epoch was printed, the final checkpoint is whole and the exit code is 0. Seconds come from
the tape: the longest time without progress after a fault. A stock training hangs if it prints nothing for 45 s although
the trouble, where it is a passing one, is over.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.material import say
from benchmarks.reporting import conclude
from benchmarks.survival import data as datasets
from benchmarks.survival.campaign import Plan, campaign, goals, rows
from benchmarks.survival.one_run import FULL, QUICK, ended_in_order
from benchmarks.survival.table import FAULTS, QUICK_STOCK, find
from benchmarks.survival.table import QUICK as QUICK_FAULTS
from holter.errors import BadInput

REPEATS = 1
HEALTHY_RUNS, HEALTHY_QUICK = 20, 2
KILLS, KILLS_QUICK = 50, 1
# A run that was begun may take another minute; five minutes are meant to be enough for a look.
QUICK_BUDGET_S = 255.0


def main() -> int:
    """Run, print tables, write JSON where asked; 1 if a goal was missed, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survival", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a handful of faults once, as far as five minutes go")
    parser.add_argument("--faults", help="names, with commas between them; none: only healthy runs")
    parser.add_argument("--list", action="store_true", help="tell what faults there are")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"runs of each fault (default: {REPEATS})")
    parser.add_argument("--healthy", type=int, help=f"healthy runs (default: {HEALTHY_RUNS})")
    parser.add_argument("--kills", type=int, help=f"kills while a checkpoint is being written (default: {KILLS})")
    parser.add_argument("--data", help="brains, hippocampus or both with a comma (default: what there is)")
    parser.add_argument("--no-stock", action="store_true", help="leave out the runs without Holter")
    parser.add_argument("--json", type=Path, help="write results and goals to this file")
    parser.add_argument("--keep", type=Path, help="keep tape and output of runs that went wrong in this folder")
    options = parser.parse_args()
    if options.list:
        for name, make in FAULTS.items():
            fault = make()
            print(f"{name:28} {fault.promise:10} {fault.summary}" + (f" [{why}]" if (why := fault.needs()) else ""))
        return 0
    try:
        with ended_in_order():
            outcomes = campaign(make_plan(options))
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130
    return conclude(rows(outcomes), goals(outcomes), options.json)


def make_plan(options: argparse.Namespace) -> Plan:
    """What the command line asks for."""
    is_quick = options.quick
    names = tuple(QUICK_FAULTS if is_quick else FAULTS)
    if options.faults is not None:
        names = tuple(name for name in options.faults.split(",") if name not in ("", "none"))
    for name in names:
        find(name)
    stock = set(QUICK_STOCK if is_quick and options.faults is None else names)
    return Plan(
        faults=names,
        stock=frozenset() if options.no_stock else frozenset(stock),
        data=_data(options.data, is_quick=is_quick),
        repeats=options.repeats,
        healthy=_number(options.healthy, HEALTHY_QUICK if is_quick else HEALTHY_RUNS),
        kills=_number(options.kills, KILLS_QUICK if is_quick else KILLS),
        length=QUICK if is_quick else FULL,
        budget_s=QUICK_BUDGET_S if is_quick else float("inf"),
        keep=options.keep,
    )


def _number(asked: int | None, default: int) -> int:
    return default if asked is None else asked


def _data(asked: str | None, *, is_quick: bool) -> tuple[str, ...]:
    there = (datasets.BRAINS, *((datasets.HIPPOCAMPUS,) if datasets.is_there() and not is_quick else ()))
    names = tuple(asked.split(",")) if asked else there
    for name in names:
        if name not in (datasets.BRAINS, datasets.HIPPOCAMPUS):
            raise BadInput(f"there is no data set {name!r}", next_step="python -m benchmarks.survival --help")
    return names


if __name__ == "__main__":
    sys.exit(main())
