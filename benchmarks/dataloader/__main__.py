"""Are workers of PyTorch's DataLoader replaced without a lost, doubled, moved or altered batch, and without a hang?

Trials: each kills or stops one or two workers at random moments, in a loader with random settings, under the hook with
healing on. A trial hangs if it prints nothing for 60 s in which its processes neither work nor wait for a processor (on
a busy machine it is only slow), or for half an hour. A batch is what it must be if its indices and its checksum are
those of the batch made without workers, at the same place. Each process runs some trials in a row; its descriptors are
counted at the end of each. Their numbers are those of the seed: --trials 240-259 repeats these twenty. With --results
each outcome is added to a file, with the commit and the version of PyTorch; trials in this file are not run again, and
all of the same PyTorch are judged. With --python another Python trains, which needs nothing but another PyTorch.

Soak (--soak): one process whose workers are replaced a thousand times. Memory, descriptors, /dev/shm, threads, child
processes and memory mappings are read after each round; what grows is a goal that was missed.

Cost: the difference between runs with and without the hook, in turns, of a loader whose samples cost nothing. It is
measured after the trials unless --no-cost is given, or alone with --trials 0.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from benchmarks.dataloader import cost, fuzz, growth
from benchmarks.dataloader.play import Interpreter, interpreter
from benchmarks.faults.run import ended_in_order
from benchmarks.material import say
from benchmarks.reporting import Goal, Row, conclude, options_of

TRIALS, QUICK = 500, 20


def main() -> int:
    """Run what was asked for, print the table, write JSON if asked; return 1 if a goal was missed, 130 after Ctrl-C."""
    options = parser().parse_args()
    rows: list[Row] = []
    goals: list[Goal] = []
    is_stopped = True
    python = interpreter(options.python)
    say(f"PyTorch {python.torch}, Python {python.version}")
    with contextlib.suppress(KeyboardInterrupt), ended_in_order():
        if options.soak is not None:
            wanted = growth.QUICK if options.quick and options.soak == growth.COUNT else options.soak
            soaked = growth.run(wanted, python.executable)
            if soaked.problem is not None:
                say(f"the soak ended after {soaked.heals} replacements: {soaked.problem}")
            rows, goals = growth.rows(soaked), growth.goals(soaked)
        else:
            results = trials(numbers(options.trials, quick=options.quick), options.results, python)
            for problem in fuzz.problems(results):
                say(problem)
            costs = [] if options.no_cost else cost.measure(python.executable)
            rows = [*fuzz.rows(results), *cost.rows(costs)]
            goals = [*(fuzz.goals(results) if results else []), *cost.goals(costs)]
        is_stopped = False
    if is_stopped:
        say("stopped; finished trials are kept in the file of --results" if options.results else "stopped")
        return 130
    return conclude(rows, goals, options.json)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = options_of("dataloader", __doc__, quick=f"{QUICK} trials instead of {TRIALS}, a soak of {growth.QUICK}")
    add = options.add_argument
    add("--trials", metavar="N|A-B", help=f"how many trials, or the first and the last (default: {TRIALS})")
    add(
        "--results",
        type=Path,
        metavar="FILE",
        help="add each outcome to this file, and leave out trials that are in it",
    )
    add(
        "--soak", type=int, nargs="?", const=growth.COUNT, metavar="N",
        help=f"instead of trials: replace workers N times in one process (default: {growth.COUNT})",
    )  # fmt: skip
    add("--python", default=sys.executable, metavar="FILE", help="the Python that trains (default: this one)")
    add("--no-cost", action="store_true", help="do not measure the cost of a batch")
    return options


def numbers(text: str | None, *, quick: bool) -> range:
    """Return the numbers of the trials: of ``"240-259"`` these twenty, of ``"60"`` the first sixty."""
    if text is None:
        return range(QUICK if quick else TRIALS)
    first, has_end, last = text.partition("-")
    try:
        return range(int(first), int(last) + 1) if has_end else range(int(first))
    except ValueError:
        raise SystemExit(f"--trials is a number or a range such as 240-259, not {text!r}") from None


def trials(wanted: range, file: Path | None, python: Interpreter) -> list[fuzz.Result]:
    """Run the trials that the file has not; return its outcomes and the new ones."""
    before = fuzz.kept(file, python.torch)
    known = {result["number"] for result in before}
    left = [number for number in wanted if number not in known]
    if len(left) < len(wanted):
        say(f"{len(wanted) - len(left)} of {len(wanted)} trials are in {file}")
    results = list(before)
    for result in fuzz.run(left, python):
        fuzz.keep(file, result)
        results.append(result)
        done = len(results) - len(before)
        if done % fuzz.IN_A_PROCESS == 0 or done == len(left):
            say(f"{done} of {len(left)} trials, {sum(map(fuzz.is_hang, results))} hangs")
    return results


if __name__ == "__main__":
    sys.exit(main())
