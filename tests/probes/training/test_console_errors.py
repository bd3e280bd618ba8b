"""An exception that a recording reads from the console."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from holter.probes.training.trainlog import TrainLogProbe
from holter.records import ExceptionSeen

RAISED = """Traceback (most recent call last):
  File "train.py", line 12, in <module>
    for batch in loader:
{error}
"""


@pytest.mark.parametrize(
    ("error", "is_echo"),
    [
        ("RuntimeError: DataLoader worker (pid(s) 4711) exited unexpectedly", True),
        ("RuntimeError: DataLoader worker (pid 4711) is killed by signal: Killed. ", True),
        ("RuntimeError: the loader has no data", False),
    ],
)
def test_what_only_reports_a_worker_of_a_dataloader_is_an_echo(tmp_path: Path, error: str, is_echo: bool) -> None:
    """How the worker ended was recorded: the main process is not the cause (os._exit(0) in a worker)."""
    console = tmp_path / "console.txt"
    console.touch()
    probe = TrainLogProbe(tmp_path, wall_zero=time.time(), console=(console,))
    probe.read(0.0)
    console.write_text(RAISED.format(error=error))
    found = [*probe.read(1.0).events, *probe.read(20.0).events, *probe.read(60.0).events]
    (seen,) = (event for event in found if isinstance(event, ExceptionSeen))
    assert seen.echo is is_echo
