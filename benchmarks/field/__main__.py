"""Nine ways to start a training that Holter was not written for, healthy and broken: is any output or action wrong?

Real processes under ``holter run`` (with and without ``--heal``) and ``holter attach``. The live output and the
output of ``holter diagnose`` in two languages and as JSON are searched for wrong causes, words and commands.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import msgspec

from benchmarks.faults.run import ERRORS, OUTPUT, ended_in_order, undisturbed
from benchmarks.field import table
from benchmarks.field.case import Case, Place
from benchmarks.field.cases import CASES, find
from benchmarks.field.judge import judge, listen
from benchmarks.field.packages import installed
from benchmarks.field.play import CUT, play
from benchmarks.field.processes import LETTER
from benchmarks.field.table import Outcome
from benchmarks.material import prepared_brains, say
from benchmarks.reporting import conclude, options_of
from holter.demo.prepare import Prepared
from holter.errors import BadInput, HolterError

QUICK_BUDGET_S = 600.0  # a started case may take another two minutes
TOGETHER = 2  # number of light cases, which mostly sleep


def main() -> int:
    """Run, print tables, write JSON if asked; return 1 if a goal was missed, 2 for a bad command, 130 after Ctrl-C."""
    options = parser().parse_args()
    try:
        cases = [find(name) for word in options.only for name in word.split(",")] or [
            case for case in CASES if case.quick or not options.quick
        ]
    except BadInput as error:
        say(f"{error.what}; next: {error.next_step}")
        return 2
    if options.list:
        for case in cases:
            print(f"{case.name:24} {case.start:18} {case.summary}")
        return 0
    outcomes: list[Outcome] = []
    try:
        with ended_in_order():
            measure(cases, outcomes, QUICK_BUDGET_S if options.quick else float("inf"), options.keep)
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130
    outcomes.sort(key=lambda outcome: [case.name for case in CASES].index(outcome.name))
    return conclude(table.rows(outcomes), table.goals(outcomes), options.json)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = options_of(
        "field", __doc__, quick="a healthy and a broken case of most starts, as far as twelve minutes go"
    )
    add = options.add_argument
    add("--only", metavar="NAME", nargs="+", default=[], help="names of cases")
    add("--list", action="store_true", help="list all cases")
    add("--keep", type=Path, metavar="FOLDER", help="keep tapes, outcomes and output of all cases in this folder")
    return options


def measure(cases: Sequence[Case], outcomes: list[Outcome], budget_s: float, keep: Path | None) -> None:
    """Run all cases, one heavy one at a time and the light ones beside it; append outcomes as they come."""
    until_s = time.monotonic() + budget_s
    brains, stop = prepared_brains(), threading.Event()

    def run_one(case: Case) -> None:
        late = "no time left in --quick" if time.monotonic() > until_s else None
        if stop.is_set():
            return
        outcomes.append(measured(case, brains, stop, keep, late))
        say(f"{len(outcomes)}/{len(cases)} {outcomes[-1].line()}")

    with ThreadPoolExecutor(TOGETHER) as light, ThreadPoolExecutor(1) as heavy:
        begun: list[Future[None]] = []
        try:
            begun += [(light if case.light else heavy).submit(run_one, case) for case in cases]
            for future in begun:
                future.result()
        except BaseException:
            with undisturbed():
                stop.set()
                wait(begun)
            raise


def measured(case: Case, brains: Prepared, stop: threading.Event, keep: Path | None, late: str | None) -> Outcome:
    """Run one case."""
    outcome = Outcome(name=case.name, start=case.start, broken=case.broken)
    try:
        reason = late or needs(case)
        packages = installed(case.packages, brains.folder) if case.packages and not reason else None
    except RuntimeError as error:
        reason, packages = f"{case.packages[0]} cannot be installed: {error}", None
    if reason:
        return msgspec.structs.replace(outcome, skipped=reason)
    with tempfile.TemporaryDirectory(prefix="holter-field-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            played = play(case, Place(folder, brains, packages), stop)
            outcome = msgspec.structs.replace(outcome, wall_s=played.wall_s, problem=played.problem)
            if played.problem is None:
                output = listen(folder, played)
                first = next(iter(output.headlines), (None, ""))
                complaints = tuple((complaint.kind, complaint.what) for complaint in judge(case, output))
                outcome = msgspec.structs.replace(outcome, complaints=complaints, cause=first[0], headline=first[1])
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{case.name}.diagnosis.txt").write_text("\n".join((output.letter, *output.texts)))
        except (OSError, RuntimeError, HolterError, msgspec.MsgspecError) as error:
            return msgspec.structs.replace(outcome, problem=f"{type(error).__name__}: {error}")
        finally:
            if keep is not None:
                keep_all(folder, keep, case.name)
    if keep is not None:
        (keep / f"{case.name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=2))
    return outcome


def needs(case: Case) -> str | None:
    """Return why the case cannot be run on this machine; None if it can."""
    if case.needs_root and os.geteuid() != 0:
        return "a PID namespace needs root"
    if case.needs_root and shutil.which("unshare") is None:
        return "unshare (util-linux) is not installed"
    return None


def keep_all(folder: Path, keep: Path, name: str) -> None:
    """Copy the files that a case has written."""
    keep.mkdir(parents=True, exist_ok=True)
    for file, ending in ((CUT, "holter"), (OUTPUT, "output.txt"), (ERRORS, "errors.txt"), (LETTER, "letter.txt")):
        with contextlib.suppress(OSError):
            shutil.copy(folder / file, keep / f"{name}.{ending}")


if __name__ == "__main__":
    sys.exit(main())
