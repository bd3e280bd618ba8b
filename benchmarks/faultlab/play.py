"""One training under ``holter run``, without healing, in a folder and a session of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from benchmarks.faultlab.fault import TRAINERS, Fault, Healthy, Scenario
from benchmarks.faultlab.score import named_live
from benchmarks.faults.outside import Outside, end_session, session
from benchmarks.survival.fault import Stage
from benchmarks.survival.one_run import undisturbed
from holter.demo.prepare import Prepared
from holter.errors import HolterError

LOOK_EVERY_S = 0.1
READ_EVERY_S = 2.0  # the growing tape, for the named cause
# After a cause was named, output within this time may still change the verdict, and then it counts. This is longer
# than the longest read that changes a verdict (stacks, a probe of the storage).
SETTLE_S = 12.0
RECORDER_ENDS_WITHIN_S = 20.0  # after its training
# In the command line of a process of the training; the recorder's probes run in processes of their own.
OF_TRAINING = ("holter.trainer", "multiprocessing", "benchmarks.faults")
TAPE, OUTPUT, ERRORS = "run.holter", "output.txt", "errors.txt"


class Played(NamedTuple):
    """Wall-clock times; None if the event did not happen."""

    struck: float | None
    over: float  # later entries on the tape are caused by the lab
    exit_code: int | None  # None: the lab ended it
    wall_s: float
    problem: str | None = None


def play(scenario: Scenario, folder: Path, brains: Prepared) -> Played:
    """Train, break, watch. No process, mount or control group is left behind, even on an error."""
    (folder / "tmp").mkdir()
    stage = Stage(folder, brains, 0)
    began_s = time.monotonic()
    try:
        extra = scenario.prepare(stage)
        played = _train(scenario, stage, extra)
    finally:
        with undisturbed():
            scenario.undo()
    return played._replace(wall_s=round(time.monotonic() - began_s, 1))


def _train(scenario: Scenario, stage: Stage, extra: dict[str, str]) -> Played:
    child = _start(scenario, stage, extra)
    outside = Outside(child.pid, stage.folder, stage.brains, supervised=True)
    try:
        problem, ended = _follow(child, outside, scenario)
        over = time.time()
    finally:
        with undisturbed(), contextlib.ExitStack() as last:
            last.callback(child.wait)
            last.callback(end_session, child.pid)  # also if the fault cannot be undone
            scenario.relieve()
            _end_training(child, outside)
    return Played(
        struck=min(scenario.struck, default=None),
        over=over,
        exit_code=child.returncode if ended else None,
        wall_s=0.0,
        problem=problem,
    )


def _start(scenario: Scenario, stage: Stage, extra: dict[str, str]) -> subprocess.Popen[bytes]:
    folder = stage.folder
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HOLTER_")},
        **stage.brains.environment(),
        "nnUNet_results": str(folder / "results"),
        "nnUNet_extTrainer": str(TRAINERS),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONUNBUFFERED": "1",  # shows the output of a killed process
        **scenario.variables,
        **extra,
    }
    holter = [sys.executable, "-m", "holter", "run", "--tape", str(folder / TAPE), "--"]
    training = scenario.wrap_training(stage.brains.command(*_options(scenario), fold=scenario.fold))
    with (folder / OUTPUT).open("ab") as output, (folder / ERRORS).open("ab") as errors:
        return subprocess.Popen(
            scenario.wrap([*holter, *training]),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,  # Ctrl-C reaches only this process; and all processes can be found and ended
        )


def _options(scenario: Scenario) -> list[str]:
    numbers = {
        "--epochs": scenario.epochs,
        "--iterations": scenario.iterations,
        "--val-iterations": scenario.val_iterations,
        "-tr": scenario.trainer,
    }
    options = [word for name, value in numbers.items() if value is not None for word in (name, str(value))]
    return [*options, *scenario.options, *(() if scenario.validates else ("--no-validation",))]


def _follow(child: subprocess.Popen[bytes], outside: Outside, scenario: Scenario) -> tuple[str | None, bool]:
    # Wait for all expected output; return the run's own problem, and whether the run ended without the lab.
    began_s = time.monotonic()
    injected_s: float | None = None
    watch = _Watch(scenario, outside.folder / TAPE)
    while child.poll() is None:
        now = time.monotonic()
        outside.look()
        try:
            if injected_s is None:
                if scenario.is_time(outside, outside.printed()):
                    scenario.inject(outside)
                    injected_s = time.monotonic()
            else:
                scenario.step(outside, now - injected_s)
        except (OSError, RuntimeError, HolterError) as error:
            return f"the fault could not be made: {type(error).__name__}: {error}", False
        if watch.is_over(now):
            return None, False
        if now - began_s > scenario.limit_s:
            return f"not over after {scenario.limit_s:.0f} s", False
        time.sleep(LOOK_EVERY_S)
    return None, True


class _Watch:
    """Decides when nothing more is expected of a broken run."""

    def __init__(self, scenario: Scenario, tape: Path) -> None:
        self._scenario = scenario
        self._tape = tape
        self._struck_s: float | None = None
        self._named_s: float | None = None
        self._read_s = 0.0

    def is_over(self, now: float) -> bool:
        """Whether a true cause was named some seconds ago, or the time is up. A healthy run ends by itself."""
        scenario = self._scenario
        if not isinstance(scenario, Fault) or not scenario.struck:
            return False
        self._struck_s = now if self._struck_s is None else self._struck_s
        if self._named_s is None and now - self._read_s > READ_EVERY_S:
            self._read_s = now
            with contextlib.suppress(HolterError, OSError, msgspec.MsgspecError):
                names = {cause for _, cause in named_live(self._tape)}
                self._named_s = now if names & scenario.right() else None
        if scenario.returns:
            return scenario.over_at is not None and now - scenario.over_at > SETTLE_S
        if self._named_s is not None:
            return now - self._named_s > SETTLE_S
        return now - self._struck_s > scenario.watch_s


def _end_training(child: subprocess.Popen[bytes], outside: Outside) -> None:
    # End all processes of the training, so that the recorder can finish its tape.
    for process in session(outside.leader):
        with contextlib.suppress(psutil.Error):
            if process.pid != child.pid and any(word in " ".join(process.cmdline()) for word in OF_TRAINING):
                process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(RECORDER_ENDS_WITHIN_S)


def is_right_end(scenario: Scenario, played: Played) -> str | None:
    """Return what is wrong with the way in which the run ended, or None."""
    if isinstance(scenario, Healthy) and played.exit_code not in scenario.exit_codes:
        return f"a healthy run ended with exit code {played.exit_code}"
    if isinstance(scenario, Fault) and played.struck is None:
        return f"the fault never came; exit code {played.exit_code}"
    return None
