"""Faults in real trainings under ``holter run``, and healthy trainings that look strange: check Holter's diagnosis.

Each run is diagnosed from its tape, cut where the lab stopped watching. Seconds count from the fault, or from the line
"Epoch 0" if the fault is there from the beginning. Nothing is healed; the actions that Holter proposes are judged too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.faultlab import table
from benchmarks.faultlab.catalogue import QUICK, QUICK_HEALTHY, find
from benchmarks.faultlab.play import is_right_end, play
from benchmarks.faultlab.score import Outcome, score
from benchmarks.faults.catalogue import FAULTS, HEALTHY
from benchmarks.faults.run import ERRORS, OUTPUT, TAPE, ended_in_order, undisturbed
from benchmarks.material import prepared_brains, say
from benchmarks.reporting import conclude, options_of
from holter.demo.prepare import Prepared
from holter.errors import BadInput, HolterError
from holter.linux.mounts import parse_mountinfo

# A started run may take another minute; the whole should stay below six minutes.
QUICK_BUDGET_S = 300.0
BUSY = 1.5  # runnable processes per CPU before the lab starts


def main() -> int:
    """Run, print tables, write JSON if asked; return 1 if a goal was missed, 2 for a bad command, 130 after Ctrl-C."""
    options = parser().parse_args()
    try:
        names = chosen(options)
    except BadInput as error:
        say(f"{error.what}; next: {error.next_step}")
        return 2
    if options.list:
        return tell_all(names)
    outcomes: list[Outcome] = []
    try:
        with ended_in_order():
            measure(names, outcomes, QUICK_BUDGET_S if options.quick else float("inf"), options.keep, options.kept)
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130
    return conclude(table.rows(outcomes), table.goals(outcomes), options.json)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = options_of("faultlab", __doc__, quick="a handful of faults and healthy runs, as far as six minutes go")
    add = options.add_argument
    add("--only", metavar="NAMES", help="names with commas between them, or 'faults', or 'healthy'")
    add("--list", action="store_true", help="list all scenarios with their true causes")
    add("--keep", type=Path, metavar="FOLDER", help="keep tapes, outcomes and output of all runs in this folder")
    add("--kept", type=Path, metavar="FOLDER", help="judge the runs kept in this folder again; run only missing ones")
    return options


def chosen(options: argparse.Namespace) -> list[str]:
    """Return the names of the scenarios to run.

    Raises:  BadInput.
    """
    groups = {"faults": tuple(FAULTS), "healthy": tuple(HEALTHY)}
    if options.only:
        names = [name for word in options.only.split(",") for name in groups.get(word, (word,))]
    else:
        names = [*QUICK, *QUICK_HEALTHY] if options.quick else [*FAULTS, *HEALTHY]
    for name in names:
        find(name)
    return names


def tell_all(names: Sequence[str]) -> int:
    """Print the catalogue."""
    for name in names:
        fault = find(name)
        truth = " or ".join([fault.cause, *fault.also]) if fault.cause else "silent"
        print(f"{name:22} {truth:50} {fault.summary}" + (f" [{why}]" if (why := fault.needs()) else ""))
    return 0


def measure(
    names: Sequence[str], outcomes: list[Outcome], budget_s: float, keep: Path | None, kept: Path | None
) -> None:
    """Run all, one after the other; append outcomes as they come."""
    began_s = time.monotonic()
    if os.getloadavg()[0] > BUSY * len(os.sched_getaffinity(0)):
        say("this machine is busy: its own slowness hides what makes a training slow")
    brains = prepared_brains()
    for number, name in enumerate(names, 1):
        reason = find(name).needs()
        if reason is None and time.monotonic() - began_s > budget_s:
            reason = "no time left in --quick"
        outcome = judged_again(name, kept) if kept is not None else None
        if outcome is None:
            outcome = Outcome(name=name, skipped=reason) if reason else measured(name, brains, keep)
        outcomes.append(outcome)
        say(f"{number}/{len(names)} {outcome.line()}")


def judged_again(name: str, folder: Path) -> Outcome | None:
    """Judge a kept run with the present code; None if it was not kept. The PID of the victim is not known any more."""
    kept = table.read_kept(folder / f"{name}.json")
    if kept is None:
        return None
    outcome = score(find(name), folder / f"{name}.holter", kept.struck, kept.over)
    return msgspec.structs.replace(outcome, wall_s=kept.outcome.wall_s, wrong_pid=kept.outcome.wrong_pid)


def measured(name: str, brains: Prepared, keep: Path | None) -> Outcome:
    """Run one fault or variation."""
    fault = find(name)
    with own_folder() as folder:
        try:
            played = play(fault, folder, brains)
            problem = played.problem or is_right_end(fault, played)
            outcome = (
                Outcome(name=name, problem=problem)
                if problem
                else score(fault, folder / TAPE, played.struck, played.over)
            )
        except (OSError, RuntimeError, HolterError) as error:
            return Outcome(name=name, problem=f"{type(error).__name__}: {error}")
        finally:
            if keep is not None:
                keep_all(folder, keep, name)
        outcome = msgspec.structs.replace(outcome, wall_s=played.wall_s)
        if keep is not None:
            table.write_kept(keep / f"{name}.json", outcome, played.struck, played.over)
    return outcome


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Yield a folder for one run; it is removed, but never through a mount, which may be of the shared data."""
    folder = Path(tempfile.mkdtemp(prefix="holter-lab-"))
    try:
        yield folder
    finally:
        with undisturbed():
            for mounted in mounts_below(folder):
                subprocess.run(["umount", "-l", mounted], check=False, capture_output=True)
            if left := mounts_below(folder):
                say(f"{folder} is left behind, still mounted: {', '.join(left)}")
            else:
                shutil.rmtree(folder, ignore_errors=True)


def mounts_below(folder: Path) -> list[str]:
    """Return mounts below the folder from the kernel's list, last mounted first: calls on a mount itself could hang."""
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    return [mount.mount_point for mount in reversed(mounts) if Path(mount.mount_point).is_relative_to(folder)]


def keep_all(folder: Path, keep: Path, name: str) -> None:
    """Copy the files that a run has left."""
    keep.mkdir(parents=True, exist_ok=True)
    for file, ending in ((TAPE, ".holter"), (OUTPUT, ".output.txt"), (ERRORS, ".errors.txt")):
        if (folder / file).exists():
            shutil.copy(folder / file, keep / f"{name}{ending}")


if __name__ == "__main__":
    sys.exit(main())
