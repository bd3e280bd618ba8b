"""Ctrl-C while a training stalls: nothing says that the stall is over."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from holter.history.fates import fates
from holter.tape import read

TOY = Path(__file__).parents[2] / "hook" / "dataloader" / "toy_loader.py"
FROZEN = json.dumps([{"faults": [[20, 1, "stop"]], "samples": 4000}])
WITHIN_S = 120.0


@pytest.mark.training
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stall_that_somebody_ends_is_not_over(tmp_path: Path, number: signal.Signals) -> None:
    tape, lines = tmp_path / "t.holter", tmp_path / "lines"
    words = ["run", "--lang", "en", "--tape", str(tape), "--", sys.executable, str(TOY), FROZEN, "100"]
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)}
    with lines.open("w") as out:
        holter = subprocess.Popen(
            [sys.executable, "-m", "holter", *words], stdout=out, stderr=out, env=environ, start_new_session=True
        )
    processes: list[psutil.Process] = []
    try:
        end_s = time.monotonic() + WITHIN_S
        while "(score" not in lines.read_text():
            assert time.monotonic() < end_s and holter.poll() is None, lines.read_text()
            time.sleep(0.2)
        processes = psutil.Process(holter.pid).children(recursive=True)
        while holter.poll() is None and time.monotonic() < end_s:  # at its exit Python waits for the stopped worker
            os.killpg(holter.pid, number)
            time.sleep(6)
        assert holter.wait(WITHIN_S) != 0
    finally:
        if holter.poll() is None:
            os.killpg(holter.pid, signal.SIGKILL)
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    said = lines.read_text()
    assert "is over after" not in said and "went on by itself" not in said, said
    assert said.count("was not over when the training ended") == 1, said
    recording = read(tape)
    assert set(fates(recording, recording.episodes())) == {"open"}
    if number == signal.SIGINT:
        assert "It had been stalled for" in said, said
