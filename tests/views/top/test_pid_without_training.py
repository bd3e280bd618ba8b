"""``holter top PID --once`` of a process that may train, but in which no training is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_one_screen_waits_for_readings_says_that_no_step_was_seen_and_names_the_process(tmp_path: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": "80", "LINES": "24"}
    # As a program that Holter started: everything else is refused.
    busy = subprocess.Popen(
        [sys.executable, "-c", "while True: sum(range(10**5))"], env={**environment, "HOLTER_SCRATCH": str(tmp_path)}
    )
    try:
        done = subprocess.run(
            [sys.executable, "-m", "holter", "top", str(busy.pid), "--once"],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            check=False,
            timeout=100,
        )
    finally:
        busy.kill()
        busy.wait()
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("Running; no step of a training was seen yet, in 1")
    assert last == f"Verdict: running, but no training was seen in it. Next: holter top {busy.pid}"
    (main,) = [line for line in done.stdout.splitlines() if line.startswith("main ")]
    assert main.split()[-2].isdigit(), "CPU in percent, which two readings are needed for"
