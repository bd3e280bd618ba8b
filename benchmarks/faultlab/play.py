"""One training under ``holter run``, without healing, in a folder and a session of its own."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from benchmarks.faultlab.score import named_live
from benchmarks.faults.fault import TRAINERS, Fault, Stage
from benchmarks.faults.outside import Outside, end_session, session
from benchmarks.faults.run import POLL_EVERY_S, TAPE, Length, start, undisturbed
from holter.demo.prepare import Prepared
from holter.errors import HolterError

# Keep runs short: two epochs of five seconds, broken in the second. A broken run has more epochs than it lasts: the lab
# ends it.
BROKEN = Length(epochs=40, iterations=40, val_iterations=2, fault_epoch=1)
HEALTHY = Length(epochs=2, iterations=25, val_iterations=2, fault_epoch=1)
WATCH_S = 40.0  # after the fault, at most
LIMIT_S = 240.0  # for the whole run; enough for a busy machine
READ_EVERY_S = 2.0  # the growing tape, for the named cause
# After a cause was named, output within this time may still change the verdict, and then it counts. This is longer
# than the longest read that changes a verdict (stacks, a probe of the storage).
SETTLE_S = 12.0
RECORDER_ENDS_WITHIN_S = 20.0  # after its training
# In the command line of a process of the training; the recorder's probes run in processes of their own.
OF_TRAINING = ("holter.trainer", "multiprocessing", "benchmarks.faults")


class Played(NamedTuple):
    """Wall-clock times; None if the event did not happen."""

    struck: float | None
    over: float  # later entries on the tape are caused by the lab
    exit_code: int | None  # None: the lab ended it
    wall_s: float
    problem: str | None = None


def play(fault: Fault, folder: Path, brains: Prepared) -> Played:
    """Train, break, watch. No process, mount or control group is left behind, even on an error."""
    (folder / "tmp").mkdir()
    stage = Stage(folder, brains, 0)
    began_s = time.monotonic()
    try:
        extra = fault.prepare(stage)
        played = _train(fault, stage, extra)
    finally:
        with undisturbed():
            fault.undo()
    return played._replace(wall_s=round(time.monotonic() - began_s, 1))


def length_of(fault: Fault) -> Length:
    """Return the length of its training, unless the fault declares another one."""
    return HEALTHY if fault.cause is None else BROKEN


def _train(fault: Fault, stage: Stage, extra: dict[str, str]) -> Played:
    child = _start(fault, stage, extra)
    fault_epoch = length_of(fault).fault_epoch
    outside = Outside(child.pid, stage.folder, stage.brains, supervised=True, fault_epoch=fault_epoch)
    try:
        problem, ended = _follow(child, outside, fault)
        problem = problem or fault.why_without_effect()
        over = time.time()
    finally:
        with undisturbed(), contextlib.ExitStack() as last:
            last.callback(child.wait)
            last.callback(end_session, child.pid)  # also if the fault cannot be undone
            fault.relieve()
            _end_training(child, outside)
    return Played(
        struck=min(fault.struck, default=None),
        over=over,
        exit_code=child.returncode if ended else None,
        wall_s=0.0,
        problem=problem,
    )


def _start(fault: Fault, stage: Stage, extra: dict[str, str]) -> subprocess.Popen[bytes]:
    return start(fault, stage, length_of(fault), {"nnUNet_extTrainer": str(TRAINERS), **extra})


def _follow(child: subprocess.Popen[bytes], outside: Outside, fault: Fault) -> tuple[str | None, bool]:
    # Wait for all expected output; return the run's own problem, and whether the run ended without the lab.
    began_s = time.monotonic()
    limit_s = fault.limit_s or LIMIT_S
    watch = _Watch(fault, outside.folder / TAPE)
    while child.poll() is None:
        now = time.monotonic()
        outside.look()
        problem = fault.turn(outside)
        if problem is not None or watch.is_over(now):
            return problem, False
        if now - began_s > limit_s:
            return f"not over after {limit_s:.0f} s", False
        time.sleep(POLL_EVERY_S)
    return None, True


class _Watch:
    """Decides when nothing more is expected of a broken run."""

    def __init__(self, fault: Fault, tape: Path) -> None:
        self._fault = fault
        self._tape = tape
        self._struck_s: float | None = None
        self._named_s: float | None = None
        self._read_s = 0.0

    def is_over(self, now: float) -> bool:
        """Whether a true cause was named some seconds ago, or the time is up. A healthy run ends by itself."""
        fault = self._fault
        if fault.cause is None or not fault.struck:
            return False
        self._struck_s = now if self._struck_s is None else self._struck_s
        if self._named_s is None and now - self._read_s > READ_EVERY_S:
            self._read_s = now
            with contextlib.suppress(HolterError, OSError, msgspec.MsgspecError):
                names = {cause for _, cause in named_live(self._tape)}
                self._named_s = now if names & fault.right() else None
        if fault.returns:
            return fault.over_at is not None and now - fault.over_at > SETTLE_S
        if self._named_s is not None:
            return now - self._named_s > SETTLE_S
        return now - self._struck_s > (fault.watch_s or WATCH_S)


def _end_training(child: subprocess.Popen[bytes], outside: Outside) -> None:
    # End all processes of the training, so that the recorder can finish its tape.
    for process in session(outside.leader):
        with contextlib.suppress(psutil.Error):
            if process.pid != child.pid and any(word in " ".join(process.cmdline()) for word in OF_TRAINING):
                process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(RECORDER_ENDS_WITHIN_S)


def is_right_end(fault: Fault, played: Played) -> str | None:
    """Return what is wrong with the way in which the run ended, or None."""
    if fault.cause is None and played.exit_code not in fault.exit_codes:
        return f"a healthy run ended with exit code {played.exit_code}"
    if fault.cause is not None and played.struck is None:
        return f"the fault never came; exit code {played.exit_code}"
    return None
