"""Whoever shares a folder with others, or a TMPDIR with other hosts and containers, has files of his own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.demo.runner import _new_folder
from holter.errors import AlreadyRecorded
from holter.supervisor.recording.scratch import scratch_of_process
from needs import needs

QUIET = sorted((Path(__file__).parents[2] / "tapes" / "quiet").glob("*.holter"))


def test_reports_and_tables_of_two_tapes_are_never_of_one_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("run.1", "run.2", "run.holter"):
        shutil.copy(QUIET[0], tmp_path / name)
        for command in (("report",), ("export", "--to", "csv")):
            assert CliRunner().invoke(app, [*command, name]).exit_code == 0
    made = {"run.html", "run.1.html", "run.2.html", "run-csv", "run.1-csv", "run.2-csv"}
    assert {file.name for file in tmp_path.iterdir()} == {"run.1", "run.2", "run.holter", *made}


def test_demos_of_one_second_have_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: _new_folder(), range(8)))
    assert len(set(folders)) == 8


ATTACH = """
import sys
from holter.supervisor.recording.scratch import scratch_of_process
scratch = scratch_of_process(int(sys.argv[1]))
print(scratch.folder, flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.root
@needs("root", "unshare")
def test_a_training_of_the_same_pid_in_another_container_may_be_recorded_too(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ours = scratch_of_process(1)
    with pytest.raises(AlreadyRecorded):
        scratch_of_process(1)
    there = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", ATTACH, "1"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder, told = there.communicate(timeout=60)
    if "unshare:" in told:
        pytest.skip(told)
    assert there.returncode == 0, told
    assert Path(folder.strip()).parent == tmp_path and Path(folder.strip()) != ours.folder
    ours.close()
