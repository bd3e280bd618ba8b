"""Code of both runners: start a training with its fault, and end in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults.fault import Fault, Stage

POLL_EVERY_S = 0.1
TAPE, OUTPUT, ERRORS = "run.holter", "output.txt", "errors.txt"


class Length(NamedTuple):
    """Length of a training and the epoch of its fault, unless the fault declares another length."""

    epochs: int
    iterations: int  # per epoch
    val_iterations: int | None
    fault_epoch: int


def start(
    fault: Fault,
    stage: Stage,
    length: Length,
    extra: Mapping[str, str],
    *options: str,
    holter: Sequence[str] | None = (),
) -> subprocess.Popen[bytes]:
    """Start the training under ``holter run`` with the options ``holter``, or without it (None).

    ``extra``: variables of the runner and of the fault. ``options``: of the shortened trainer.
    """
    folder = stage.folder
    command = fault.wrap_training(stage.brains.command(*_options(fault, length), *options))
    if holter is not None:
        command = [sys.executable, "-m", "holter", "run", *holter, "--tape", str(folder / TAPE), "--", *command]
    return start_alone(fault.wrap(command), folder, stage.brains.environment(), {**fault.variables, **extra})


def start_alone(
    command: Sequence[str],
    folder: Path,
    data: Mapping[str, str],
    more: Mapping[str, str],
    *,
    output: str = OUTPUT,
    errors: str = ERRORS,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, without Holter's variables; it prints into files of ``folder``.

    ``data``: variables with nnU-Net's folders; the results go into ``folder``. ``more``: variables that have priority.
    """
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HOLTER_")},
        **data,
        "nnUNet_results": str(folder / "results"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONUNBUFFERED": "1",  # shows the output of a killed process
        **more,
    }
    with (folder / output).open("ab") as out, (folder / errors).open("ab") as err:
        return subprocess.Popen(
            command,
            env=variables,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,  # Ctrl-C reaches only this process; and all processes can be found and ended
        )


def _options(fault: Fault, length: Length) -> list[str]:
    numbers = {
        "--epochs": fault.epochs or length.epochs,
        "--iterations": fault.iterations or length.iterations,
        "--val-iterations": fault.val_iterations or length.val_iterations,
        "-tr": fault.trainer,
    }
    options = [word for name, value in numbers.items() if value is not None for word in (name, str(value))]
    return [*options, *fault.options, *(() if fault.validates else ("--no-validation",))]


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM and a closed terminal run the ``finally`` blocks, as Ctrl-C does."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    # A shell starts background jobs with Ctrl-C ignored, and all trainings would inherit that.
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore a second Ctrl-C during the clean-up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
