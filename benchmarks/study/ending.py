"""Whatever ends the benchmark, also SIGTERM and Ctrl-C: no process of it stays."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from benchmarks.faults.run import ended_in_order, undisturbed

# In the environment of every process of the benchmark, trainings on the nodes of a cluster included.
WHOLE, SCENE = "STUDIED_BY", "STUDIED"
GONE_WITHIN_S = 30.0


@contextlib.contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """Kill at the end every process that was started meanwhile."""
    os.environ[WHOLE] = str(folder)
    with ended_in_order():
        try:
            yield
        finally:
            with undisturbed():
                kill_all(WHOLE, str(folder))


def kill_all(variable: str, value: str) -> None:
    """Kill all processes with this variable in their environment, until there are none."""
    until_s = time.monotonic() + GONE_WITHIN_S
    while (left := processes_with(variable, value)) and time.monotonic() < until_s:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.05)


def processes_with(variable: str, value: str) -> Sequence[psutil.Process]:
    """Return the living processes with this variable in their environment; not this one, which sets it later."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(variable) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]
