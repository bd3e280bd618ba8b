"""One training with one fault, and Holter's result: in this process, or in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil

from benchmarks.material import prepared_brains, say
from holter.causes import diagnose_all
from holter.demo.fault_injector import FaultInjector
from holter.demo.faults import FAULTS, Context, DemoFault, prepared
from holter.demo.faults.lost_export import LostExport
from holter.errors import BadInput
from holter.records import Judged, Noted, Tick
from holter.reports.catalogue import phrase
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.result import RunResult
from holter.supervisor.run import run
from holter.tape import read

BROKEN = ("--epochs", "4", "--no-validation")  # a fault in mid-training needs no validation
RUN_LIMIT_S = 300.0  # twice the time of the slowest here
END_WAIT_S = 40.0  # for the end of the training, late lines, and the removal of mounts and groups
NAMED = ("confirmed", "likely")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A fault and its training."""

    fault: DemoFault
    options: tuple[str, ...] = BROKEN


CASES: tuple[Case, ...] = tuple(
    Case(fault=fault, options=BROKEN if fault.true_cause and fault.phase == "train" else ()) for fault in FAULTS
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one run. Times are seconds from the fault."""

    fault: str
    true_cause: str | None = None
    skipped: str | None = None  # why it was not run
    alarm_s: float | None = None
    cause_s: float | None = None  # when the true cause was named, live
    named: str | None = None  # cause in the tape, read afterwards
    problem: str | None = None  # what is wrong with this outcome

    @property
    def is_right(self) -> bool:
        """Whether the true cause and no other was named, or nothing if nothing was wrong."""
        return self.skipped is None and self.problem is None

    @property
    def after_alarm_s(self) -> float | None:
        """Seconds from the alarm to the named cause."""
        return None if self.alarm_s is None or self.cause_s is None else self.cause_s - self.alarm_s

    def line(self) -> str:
        """Return one line about the run for the terminal."""
        times = ("?" if value is None else f"{value:.1f} s" for value in (self.alarm_s, self.cause_s))
        heard = f"alarm {next(times)}, cause {next(times)}, named {self.named}" if self.named else "no alarm"
        return f"{self.fault}: {heard}" + (f" -- {self.problem}" if self.problem else "")


class Stage(FaultInjector):
    """Injects the fault as the demo does, and ends the training once the fault was repaired."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case.fault, context, "en", lambda _: None, show_progress=False)
        self._ends_early = case.fault.true_cause is not None

    def each_tick(self, recorder: Recorder, tick: Tick) -> None:
        """Called after every tick of the recorder."""
        super().each_tick(recorder, tick)
        relieved = any(isinstance(event, Noted) and event.what == "fault-relieved" for event in tick.events)
        if relieved and self._ends_early:
            for process in tick.processes:
                if process.role == "main":
                    os.kill(process.pid, signal.SIGKILL)


def find_case(name: str) -> Case:
    """Return the case of that fault.

    Raises:  BadInput.
    """
    for case in CASES:
        if case.fault.name == name:
            return case
    raise BadInput(f"there is no fault {name!r}", next_step="python -m benchmarks.detection --help")


def run_here(case: Case, folder: Path) -> int:
    """Run in this process and print the outcome as JSON; on SIGTERM, end training and fault in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # runs the ``finally`` blocks
    brains = prepared_brains()
    fault = case.fault
    context = Context(scratch=folder / "scratch", preprocessed=brains.preprocessed)
    context.scratch.mkdir()
    stage = Stage(case, context)
    with prepared(fault, context) as extra:
        result = run(
            tuple(fault.wrap(brains.command(*case.options))),
            folder / f"{fault.name}.holter",
            listener=stage,
            variables={**os.environ, **brains.environment(), "nnUNet_results": str(folder / "results"), **extra},
            each_tick=stage.each_tick,
            quiet_output=folder / "output.txt",
            end_orphans=True,
        )
    outcome = judge(fault, folder / f"{fault.name}.holter", stage.fault_s, result)
    print(json.dumps(msgspec.to_builtins(outcome)))
    return 0


def judge(fault: DemoFault, tape: Path, fault_s: float | None, result: RunResult) -> Outcome:
    """Compare the diagnosis with the fault."""
    recording = read(tape)
    diagnoses = diagnose_all(recording)
    outcome = Outcome(fault=fault.name, true_cause=fault.true_cause)
    first = min(diagnoses, key=lambda diagnosis: diagnosis.episode.alarm_s, default=None)
    if fault.true_cause is None:
        false = f"false alarm: {phrase(first.episode.reason, 'en')}" if first else None
        return _with_problem(outcome, false or (f"exit code {result.returncode}" if result.returncode else None))
    late_s = fault.late_s if isinstance(fault, LostExport) else 0.0
    if fault_s is None or late_s is None:
        return _with_problem(outcome, f"the fault never came; exit code {result.returncode}")
    if first is None:
        return _with_problem(outcome, "no alarm")
    began_s = fault_s + late_s
    named = first.verdicts[0].cause
    judged = (judgement for judgement in recording.events(Judged) if judgement.verdict in NAMED)
    cause_at_s = next((judgement.t_s for judgement in judged if judgement.cause == fault.true_cause), None)
    outcome = msgspec.structs.replace(
        outcome,
        alarm_s=round(first.episode.alarm_s - began_s, 2),
        cause_s=None if cause_at_s is None else round(cause_at_s - began_s, 2),
        named=named,
    )
    return _with_problem(outcome, _complaint(outcome, phrase(first.episode.reason, "en")))


def _complaint(outcome: Outcome, reason: str) -> str | None:
    if outcome.alarm_s is not None and outcome.alarm_s < 0:
        return f"alarm before the fault: {reason}"
    if outcome.named != outcome.true_cause:
        return f"named {outcome.named}, true is {outcome.true_cause}"
    return None if outcome.cause_s is not None else f"{outcome.true_cause} was not named while it ran"


def _with_problem(outcome: Outcome, problem: str | None) -> Outcome:
    return msgspec.structs.replace(outcome, problem=problem)


def run_apart(name: str, folder: Path) -> Outcome:
    """Run in a process of its own, which ends training and fault if this one is interrupted."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.detection", "--one", name, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches only this process, which ends the child in order
        text=True,
    )
    try:
        output, _ = child.communicate(timeout=RUN_LIMIT_S)
    except subprocess.TimeoutExpired:
        end(child)
        return Outcome(fault=name, problem=f"not over after {RUN_LIMIT_S:.0f} s")
    except BaseException:
        end(child)
        raise
    finally:
        if end_session(child.pid):
            say(f"{name}: processes of the training were left behind, and are ended now")
    if child.returncode:
        return Outcome(fault=name, problem=f"the run failed with exit code {child.returncode}")
    return msgspec.json.decode(output, type=Outcome)


def end(child: subprocess.Popen[str]) -> None:
    """Ask the child to end its training and undo its fault; if it does not, kill the whole session."""
    child.terminate()
    try:
        child.communicate(timeout=END_WAIT_S)
    except subprocess.TimeoutExpired:
        end_session(child.pid)
        child.communicate()


def end_session(leader: int) -> bool:
    """Kill the rest of the child's process group; return whether any process was still running."""
    left = False
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                left = True
                os.kill(process.pid, signal.SIGKILL)
    return left
