"""What a training prints to a full disk: dropped, and no end of the training. /dev/full is such a disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LINES = 5000
CODE = f"""
import sys
from holter.trainer.console import survive_full_disk
{{0}}
for number in range({LINES}):
    print("epoch", number)
    print("bar", number, file=sys.stderr)
with open(sys.argv[1], "w") as file:
    file.write("trained")
"""


def run(done: Path, output: object, errors: object = None, *, survives: bool = True) -> int:
    code = CODE.format("survive_full_disk()" if survives else "")
    return subprocess.run([sys.executable, "-c", code, str(done)], stdout=output, stderr=errors or output).returncode


def test_a_full_disk_for_the_console_ends_no_training(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with Path("/dev/full").open("wb") as full:
        assert run(done, full, survives=False) != 0 and not done.exists(), "what Python does by itself"
        assert run(done, full) == 0 and done.read_text() == "trained"


def test_what_is_taken_is_written_whole_and_in_order(tmp_path: Path) -> None:
    console, errors = tmp_path / "console", tmp_path / "errors"
    with console.open("wb") as output, errors.open("wb") as other:
        assert run(tmp_path / "done", output, other) == 0
    assert console.read_text().splitlines() == [f"epoch {number}" for number in range(LINES)]
    assert errors.read_text().splitlines() == [f"bar {number}" for number in range(LINES)]


def test_other_errors_are_as_before(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert run(tmp_path / "done", writing) != 0, "nobody reads the pipe"
    os.close(writing)


def test_what_is_no_file_is_left_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from holter.trainer.console import survive_full_disk

    before = sys.stdout
    monkeypatch.setattr(sys, "stdout", before)
    monkeypatch.setattr(sys, "stderr", None)
    survive_full_disk()
    assert sys.stderr is None
