"""One training with one fault, without Holter or under ``holter run --heal``, in a folder and a session of its own."""

from __future__ import annotations

import subprocess
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.faults.fault import Fault, Stage
from benchmarks.faults.outside import Outside, Printed, end_session
from benchmarks.faults.run import POLL_EVERY_S, TAPE, Length, start, undisturbed
from benchmarks.material import say
from benchmarks.survival.account import Account, account
from benchmarks.survival.outcome import Outcome
from holter.errors import HolterError
from holter.hook.checkpoints.select import FINAL
from holter.records.exit_codes import GAVE_UP

SEED = ("--seed", "1")
# Printed lines show the progress of a stock training: an epoch of these takes five seconds, the export of a case ten.
STOCK_SILENT_S = 30.0
# Holter's slowest rung: 60 s until the first steps count as missing, back-off, start-up on a busy machine.
SUPERVISED_SILENT_S = 180.0


class Pace(NamedTuple):
    """Length of a training, and its longest allowed silence."""

    length: Length
    silent_s: float  # a stock training hangs if it has printed nothing for this long


FAULT_EPOCH = 2  # two checkpoints are on the disk by then
FULL = Pace(Length(5, 25, None, FAULT_EPOCH), STOCK_SILENT_S)
QUICK = Pace(Length(5, 15, None, FAULT_EPOCH), 20.0)


def play(fault: Fault, stage: Stage, pace: Pace, data: str, *, supervised: bool) -> Outcome:
    """Train, break, watch. No process, mount or control group is left behind, even on an error."""
    began_s = time.monotonic()
    try:
        (stage.folder / "tmp").mkdir()
        extra = fault.prepare(stage)
        outcome = _train(fault, stage, pace, extra, data, supervised=supervised)
    finally:
        with undisturbed():
            fault.undo()
    return msgspec.structs.replace(outcome, wall_s=round(time.monotonic() - began_s, 1))


def _train(fault: Fault, stage: Stage, pace: Pace, extra: dict[str, str], data: str, *, supervised: bool) -> Outcome:
    child = _start(fault, stage, pace, extra, supervised=supervised)
    fault_epoch = pace.length.fault_epoch
    outside = Outside(child.pid, stage.folder, stage.brains, supervised=supervised, fault_epoch=fault_epoch)
    try:
        seen = _follow(child, outside, fault, SUPERVISED_SILENT_S if supervised else pace.silent_s)
    finally:
        with undisturbed():
            fault.relieve()
            left = end_session(child.pid)
            child.wait()
    outcome = Outcome(
        fault=fault.name,
        supervised=supervised,
        data=data,
        number=stage.number,
        hung=seen.hung,
        exit_code=child.returncode if not seen.hung else None,
        silent_s=round(seen.silent_s, 1),
        faults=len(fault.struck),
        account=_account(stage.folder / TAPE, fault) if supervised else None,
    )
    epochs = fault.epochs or pace.length.epochs
    outcome = _with_metrics(outcome, outside.printed(), outside.fold, epochs, fault)
    return msgspec.structs.replace(outcome, problem=seen.problem or complaint(fault, outcome, outside.printed(), left))


def _start(
    fault: Fault, stage: Stage, pace: Pace, extra: dict[str, str], *, supervised: bool
) -> subprocess.Popen[bytes]:
    every_epoch = {"HOLTER_CHECKPOINT_EVERY_S": "0"}  # epochs take seconds here: save each
    holter = ("--heal",) if supervised else None
    return start(fault, stage, pace.length, {**every_epoch, **extra}, *SEED, holter=holter)


class Seen(NamedTuple):
    """Observations of one run from outside."""

    hung: bool
    silent_s: float  # the longest time without a new line
    problem: str | None = None  # with the fault itself


def _follow(child: subprocess.Popen[bytes], outside: Outside, fault: Fault, limit_s: float) -> Seen:
    # Until it ends, or has been silent for longer than ``limit_s``.
    last, moved_s, longest_s = Printed(), time.monotonic(), 0.0
    while child.poll() is None or outside.runs:
        outside.look()
        printed = outside.printed()
        now = time.monotonic()
        if printed != last:
            last, moved_s = printed, now
        if (problem := fault.turn(outside)) is not None:
            return Seen(True, longest_s, problem)
        if not fault.is_under_way:
            longest_s = max(longest_s, now - max(moved_s, fault.over_at or 0.0))
        if longest_s > limit_s:
            return Seen(True, longest_s)
        time.sleep(POLL_EVERY_S)
    return Seen(False, longest_s)


def _with_metrics(outcome: Outcome, printed: Printed, fold: Path | None, epochs: int, fault: Fault) -> Outcome:
    complete = set(printed.ended) == set(range(epochs))
    whole = fold is not None and _is_whole(fold / FINAL)
    if fold is not None and fault.validates:
        whole &= (fold / "validation" / "summary.json").exists()
    return msgspec.structs.replace(
        outcome,
        survived=complete and whole and not outcome.hung and (outcome.exit_code == 0 or not fault.stock),
        begun_again=printed.begun_again,
        finished_again=printed.finished_again,
        train_loss=printed.train_loss if complete else None,
        dice=None if printed.dice is None or not complete else round(printed.dice, 4),
    )


def _is_whole(checkpoint: Path) -> bool:
    # Checked in the format itself, not by Holter.
    try:
        with zipfile.ZipFile(checkpoint) as file:
            return file.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def _account(tape: Path, fault: Fault) -> Account | None:
    try:
        return account(tape, fault.struck)
    except (HolterError, OSError) as error:
        say(f"{tape}: {error}")
        return None


def complaint(fault: Fault, outcome: Outcome, printed: Printed, left: int) -> str | None:
    """Return the promise that Holter did not keep; None if it did, and for a stock training."""
    if fault.name != Fault.name and not fault.struck:
        return f"the fault never came; exit code {outcome.exit_code}"
    if not outcome.supervised:
        return None
    if fault.name != Fault.name and outcome.survived and len(fault.struck) < fault.strikes:
        return f"the fault came {len(fault.struck)} times, not {fault.strikes}"
    if fault.promise == "stops":
        is_silent = printed.begun.count(0) > 1
        if is_silent or outcome.exit_code != GAVE_UP:
            return "began again at zero in silence" if is_silent else f"exit code {outcome.exit_code}, not {GAVE_UP}"
        return None
    if not outcome.survived:
        return "hangs" if outcome.hung else f"did not survive: exit code {outcome.exit_code}"
    if left and fault.stock:
        return f"{left} processes were left behind"
    actions = outcome.account.actions if outcome.account else ()
    if fault.promise == "untouched" and actions:
        return f"nothing should have been done, but: {' '.join(actions)}"
    if fault.promise == "waits" and actions:
        return f"it should have waited, but: {' '.join(actions)}"
    if fault.in_epoch and "restart" in actions:
        return "restarted, where new workers would have been enough"
    return None
