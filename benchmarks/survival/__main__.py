"""Does a training survive a fault? Each fault without Holter and under ``holter run --heal``, same seed.

A run has survived when every epoch was printed, the final checkpoint is whole and the exit code is 0. Seconds come from
the tape: the longest time without progress after a fault. A stock training hangs if it prints nothing for 30 s although
a temporary fault is already over.

The JSON file is written after every run; --resume continues it. Runs without Holter are only watched until their end,
so two halves of them may run side by side on two cores. The same holds for kills while saving, which take the longest:

  S="python -m benchmarks.survival"; K="$S --only holter --faults main-sigkill-while-saving --healthy 0"
  $S --only holter --kills 0 --json a.json
  $S --only stock --part 1/2 --json b.json & $S --only stock --part 2/2 --json c.json; wait
  $K --part 1/2 --json d.json & $K --part 2/2 --json e.json; wait
  $S --merge [a-e].json --json survival.json
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.run import ended_in_order
from benchmarks.material import say
from benchmarks.reporting import conclude, options_of
from benchmarks.survival import data as datasets
from benchmarks.survival import results
from benchmarks.survival.campaign import Plan, campaign
from benchmarks.survival.one_run import FULL, QUICK
from benchmarks.survival.outcome import Outcome
from benchmarks.survival.summary import goals, rows
from benchmarks.survival.table import FAULTS, QUICK_STOCK, find
from benchmarks.survival.table import QUICK as QUICK_FAULTS
from holter.errors import BadInput

REPEATS = 1
HEALTHY_RUNS, HEALTHY_QUICK = 20, 2
KILLS, KILLS_QUICK = 50, 1
# A started run may take another minute; the whole should stay below five minutes.
QUICK_BUDGET_S = 255.0
NEXT_STEP = "python -m benchmarks.survival --help"


def main() -> int:
    """Do what the command line says; return 2 if it is invalid."""
    try:
        return run(parser().parse_args())
    except BadInput as error:
        say(f"{error.what}; next: {error.next_step}")
        return 2


def run(options: argparse.Namespace) -> int:
    """Run, print tables, write JSON if asked; return 1 if a goal was missed, 130 after Ctrl-C."""
    if options.list:
        return tell_faults()
    if options.merge:
        return merge(options.merge, options.json)
    plan = make_plan(options)
    done: list[Outcome] = results.read(options.resume).outcomes if options.resume else []
    file = options.json or options.resume
    if file is not None and file != options.resume:
        put_away(file)
    try:
        with ended_in_order():
            outcomes = campaign(plan, done, keeper(file))
    except KeyboardInterrupt:
        say("interrupted; nothing is left running" + (f"; --resume {file} continues" if file else ""))
        return 130
    return conclude(rows(outcomes), goals(outcomes), None)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = options_of("survival", __doc__, quick="a handful of faults once, as far as five minutes go")
    add = options.add_argument
    add("--faults", help="names, with commas between them; none: only healthy runs")
    add("--list", action="store_true", help="list all faults")
    add("--repeats", type=int, default=REPEATS, help=f"runs of each fault (default: {REPEATS})")
    add("--healthy", type=int, help=f"healthy runs (default: {HEALTHY_RUNS})")
    add("--kills", type=int, help=f"kills while a checkpoint is being written (default: {KILLS})")
    add("--data", help="brains, hippocampus or both with a comma (default: what there is)")
    add("--only", choices=("stock", "holter"), help="only the runs without Holter, or only those with it")
    add("--part", type=part, default=(1, 1), metavar="I/N", help="only every N-th run, from the I-th on")
    add("--resume", type=Path, metavar="FILE", help="leave out the runs that are in this file, and continue it")
    add("--merge", type=Path, nargs="+", metavar="FILE", help="run nothing: one table of several files")
    add("--keep", type=Path, help="keep tape and output of runs that went wrong in this folder")
    return options


def part(text: str) -> tuple[int, int]:
    """Parse ``1/2``: the first of two parts."""
    number, _, parts = text.partition("/")
    if not (number.isdigit() and parts.isdigit() and 1 <= int(number) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 1/2")
    return int(number), int(parts)


def tell_faults() -> int:
    """Print all faults."""
    for name, make in FAULTS.items():
        fault = make()
        print(f"{name:28} {fault.promise:10} {fault.summary}" + (f" [{why}]" if (why := fault.needs()) else ""))
    return 0


def merge(files: list[Path], into: Path | None) -> int:
    """Print one table of several files, and write one file if asked."""
    merged = results.merge(files)
    if into is not None:
        results.write(into, merged.outcomes, merged.machine)
    return conclude(rows(merged.outcomes), goals(merged.outcomes), None, merged.machine)


def put_away(file: Path) -> None:
    """Move an existing file away, so that a new campaign does not overwrite an hour's work."""
    if file.exists():
        file.replace(file.with_name(file.name + ".before"))
        say(f"{file} existed: it is {file}.before now")


def keeper(file: Path | None) -> Callable[[list[Outcome]], None]:
    """Return the function that writes the outcomes so far."""
    return functools.partial(results.write, file) if file is not None else lambda _: None


def make_plan(options: argparse.Namespace) -> Plan:
    """Return the plan for the command line."""
    is_quick = options.quick
    names = tuple(QUICK_FAULTS if is_quick else FAULTS)
    if options.faults is not None:
        names = tuple(name for name in options.faults.split(",") if name not in ("", "none"))
    for name in names:
        find(name)
    return Plan(
        faults=names,
        stock=frozenset(QUICK_STOCK if is_quick and options.faults is None else names),
        data=_data(options.data, is_quick=is_quick),
        repeats=options.repeats,
        healthy=_number(options.healthy, HEALTHY_QUICK if is_quick else HEALTHY_RUNS),
        kills=_number(options.kills, KILLS_QUICK if is_quick else KILLS),
        pace=QUICK if is_quick else FULL,
        only=options.only,
        part=options.part,
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
            raise BadInput(f"there is no data set {name!r}", next_step=NEXT_STEP)
    return names


if __name__ == "__main__":
    sys.exit(main())
