"""A training whose log goes on while Python holds back what it prints to the console."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.probes.machine.environment import console_kind
from holter.probes.training.console import SILENT_LINES, SILENT_S
from holter.probes.training.trainlog import TrainLogProbe
from holter.records import Noted

# As nnU-Net logs: each line is appended to the log file at once, and printed.
PROGRAM = """
import sys
log = open(sys.argv[1], "a", buffering=1)
for order in sys.stdin:
    for number in range(int(order)):
        line = f"2026-03-04 08:12:09.123456: train_loss -0.{number}"
        print(line, file=log)
        print(line)
    if order == "2\\n":
        sys.stdout.flush()
    print("done", file=sys.stderr, flush=True)
"""


class Training:
    """A process that logs as many lines as it is told to."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.console = folder / "console.txt"
        log = folder / "training_log_2026_3_4_08_12_09.txt"
        self._output = self.console.open("w")
        self.process = subprocess.Popen(
            [sys.executable, *options, "-c", PROGRAM, str(log)],
            stdin=subprocess.PIPE, stdout=self._output, stderr=subprocess.PIPE, text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )  # fmt: skip
        self.probe = TrainLogProbe(folder, wall_zero=time.time(), console=(self.console,))

    def log(self, lines: int) -> None:
        assert self.process.stdin is not None and self.process.stderr is not None
        self.process.stdin.write(f"{lines}\n")
        self.process.stdin.flush()
        self.process.stderr.readline()

    def notes(self, t_s: float) -> list[str]:
        told = self.probe.read(t_s).events
        return [event.what for event in told if isinstance(event, Noted) and event.what.startswith("console")]

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stderr, self._output):
            assert pipe is not None
            pipe.close()
        self.process.wait(10)


def test_a_buffered_console_is_noticed_and_so_is_its_return(tmp_path: Path) -> None:
    training = Training(tmp_path)
    try:
        training.log(1)
        assert training.notes(0.0) == []
        training.log(SILENT_LINES)
        assert training.notes(1.0) == []
        assert training.notes(SILENT_S + 2) == ["console-silent"]
        assert training.notes(SILENT_S + 3) == []
        training.log(2)
        assert training.console.stat().st_size > 0
        assert training.notes(SILENT_S + 4) == ["console-speaks-again"]
    finally:
        training.close()


@pytest.mark.parametrize(("options", "lines"), [(("-u",), 4 * SILENT_LINES), ((), 1)])
def test_an_unbuffered_console_and_a_log_that_hardly_moves_are_not_silent(
    tmp_path: Path, options: tuple[str, ...], lines: int
) -> None:
    training = Training(tmp_path, *options)
    try:
        training.log(1)
        training.notes(0.0)
        training.log(lines)
        assert training.notes(1.0) == []
        assert training.notes(10 * SILENT_S) == []
    finally:
        training.close()


def test_where_the_output_goes(tmp_path: Path) -> None:
    def kind(stdout: object) -> str | None:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=stdout) as process:  # type: ignore[call-overload]
            return console_kind(process.pid)

    with (tmp_path / "o.txt").open("w") as file:
        assert kind(file) == "file"
    assert (kind(subprocess.DEVNULL), kind(subprocess.PIPE)) == ("null", "pipe")
    assert console_kind(None) is None
    assert console_kind(2**22 + 1) is None
