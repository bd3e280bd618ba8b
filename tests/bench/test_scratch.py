"""A scratch folder is always removed, with the processes that worked in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.bench.scratch import Scratch
from holter.errors import CannotDoHere

HOLDS = """
import os, subprocess, sys, time
from holter.bench.scratch import Scratch
with Scratch({"TMPDIR": sys.argv[1]}, 0, "holter bench") as scratch:
    child = subprocess.Popen(["sleep", "600"], cwd=scratch.folder, start_new_session=True)
    scratch.end_with(child.pid)
    (scratch.folder / "deep" / "er").mkdir(parents=True)
    (scratch.folder / "deep" / "er" / "file").write_text("x")
    print(child.pid, scratch.folder, flush=True)
    time.sleep(600)
"""
WITHIN_S = 60.0


def wait_until(is_so: object, what: str) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < until_s, what
        time.sleep(0.05)


def holder(parent: Path) -> tuple[subprocess.Popen[str], int, Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(parent)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid, _, folder = process.stdout.readline().strip().partition(" ")
    return process, int(pid), Path(folder)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_whatever_ends_holter(number: signal.Signals, tmp_path: Path) -> None:
    process, child, folder = holder(tmp_path)
    assert folder.parent == tmp_path
    process.send_signal(number)
    process.wait(WITHIN_S)
    wait_until(lambda: not folder.exists(), "the folder is still there")
    wait_until(lambda: is_gone(child), "its process is still there")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_keeper_was_killed_too_is_removed_by_the_next(tmp_path: Path) -> None:
    process, child, folder = holder(tmp_path)
    keeper = next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent(entry) == process.pid and "sweep.py" in _command(entry)
    )
    os.kill(keeper, signal.SIGKILL)
    process.kill()
    process.wait(WITHIN_S)
    os.kill(child, signal.SIGKILL)
    assert folder.exists()
    (tmp_path / "holter-bench-of-somebody").mkdir()  # without a lock file: not ours to remove
    with Scratch({"TMPDIR": str(tmp_path)}, 0, "holter bench") as scratch:
        assert not folder.exists()
        assert scratch.folder.is_dir()
    assert [each.name for each in tmp_path.iterdir()] == ["holter-bench-of-somebody"]


def test_a_folder_in_use_is_not_removed_by_the_next(tmp_path: Path) -> None:
    with Scratch({"TMPDIR": str(tmp_path)}, 0, "holter bench") as first:
        with Scratch({"TMPDIR": str(tmp_path)}, 0, "holter bench") as second:
            assert first.folder != second.folder
        assert first.folder.is_dir()


def test_too_little_space_is_said_before_anything_starts(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotDoHere, match=r"a checkpoint of this training needs") as said,
        Scratch({"TMPDIR": str(tmp_path)}, 1 << 60, "holter bench 4 2d"),
    ):
        pass
    assert "TMPDIR=/path/with/space holter bench 4 2d" in str(dict(said.value.next_step.values)) or said.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_temporary_files_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotDoHere, match="cannot be created in"),
        Scratch({"TMPDIR": str(tmp_path / "none")}, 0, "holter bench"),
    ):
        pass


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text()
    except OSError:
        return ""
