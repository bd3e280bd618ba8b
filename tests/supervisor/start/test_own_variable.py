"""HOLTER_SCRATCH may be a variable of the user's own, or one that a job script or a tmux has inherited."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.supervisor.attach import attach
from holter.supervisor.recording.scratch import is_scratch, new_scratch
from holter.tape import read

SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")
HOLTER = (sys.executable, "-m", "holter")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my_scratch", "holter-projects"])
def test_who_attaches_removes_no_folder_of_the_user(tmp_path: Path, name: str) -> None:
    own = tmp_path / name
    (own / "results").mkdir(parents=True, mode=0o700)
    own.chmod(0o700)
    (own / "results" / "model.pth").write_text("weeks of work")
    (own / "notes.txt").write_text("precious")
    with subprocess.Popen(SLEEPS, env={**os.environ, "HOLTER_SCRATCH": str(own)}) as training:
        try:
            attach(training.pid, tmp_path / "t.holter", for_s=2.0)
            assert training.poll() is None
        finally:
            training.kill()
    assert (own / "results" / "model.pth").read_text() == "weeks of work"
    assert {path.name for path in own.iterdir()} == {"results", "notes.txt"}
    assert read(tmp_path / "t.holter").finished


@pytest.mark.slow
def test_the_folder_of_a_dead_holter_is_taken_over(tmp_path: Path) -> None:
    scratch = new_scratch()
    scratch.close(keep=True)
    assert is_scratch(scratch.folder)
    with subprocess.Popen(SLEEPS, env={**os.environ, "HOLTER_SCRATCH": str(scratch.folder)}) as training:
        try:
            attach(training.pid, tmp_path / "t.holter", for_s=2.0)
        finally:
            training.kill()
    assert not scratch.folder.exists(), "no page of a training is in it"


@pytest.mark.slow
@pytest.mark.parametrize("left", ["", "an unlocked folder"])
def test_a_job_that_was_submitted_from_a_run_may_record_itself(tmp_path: Path, left: str) -> None:
    folder = tmp_path / "tmp" / "holter-abcdefgh"  # of a Holter on the machine that submitted it
    if left:
        folder.mkdir()
        (folder / "recorder.lock").touch()
    words = ("run", "-q", "-o", "job.holter", "--", "sh", "-c", "exit 7")
    done = subprocess.run(
        [*HOLTER, *words], cwd=tmp_path, env={**os.environ, "HOLTER_SCRATCH": str(folder)}, check=False, timeout=60
    )
    assert done.returncode == 7
    assert read(tmp_path / "job.holter").finished
