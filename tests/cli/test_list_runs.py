"""``holter list`` after real recordings, and what a command without a target takes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from holter.demo.prepare import Prepared
from holter.tape.registry import read_all
from needs import needs

HOLTER = (sys.executable, "-m", "holter")
TAPES = Path(__file__).parents[1] / "tapes"


def holter(*arguments: str, cwd: Path, lang: str = "C", **variables: str | None) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "LC_ALL": lang, "PYTHONUTF8": "1", "COLUMNS": "80", **variables}
    environment = {name: value for name, value in given.items() if value is not None}
    return subprocess.run(
        [*HOLTER, *arguments], cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "t").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))  # runs without a home are registered below it
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "holter"


@pytest.mark.sample
def test_a_run_is_listed_while_it_runs_and_afterwards(tmp_path: Path, state: Path, start) -> None:
    none = "Verdict: no training is recorded yet. Next: holter run -- nnUNetv2_train 4 3d_fullres 0\n"
    assert holter("list", cwd=tmp_path).stdout == none
    process = start("run", "-o", "a.holter", "--", "sh", "-c", "sleep 20; exit 3")
    until_s = time.monotonic() + 60
    while not (rows := listed(tmp_path)) and time.monotonic() < until_s:
        time.sleep(0.2)
    assert [(row["runs"], row["state"], row["ended"]) for row in rows] == [(True, "running", None)]
    taken = holter("diagnose", cwd=tmp_path)
    assert taken.stderr.startswith("holter: no target given: the training that runs, a.holter")
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    (row,) = listed(tmp_path)
    assert (row["runs"], row["tape_is"], row["exit_signal"]) == (False, "there", signal.SIGTERM)
    assert row["ended"] is not None and row["command"] == "sh -c 'sleep 20; exit 3'"
    (file,) = (state / "runs").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    (tmp_path / "a.holter").rename(tmp_path / "b.holter")
    chinese = holter("list", cwd=tmp_path, lang="zh_CN.UTF-8").stdout
    assert "记录文件已被移走、删除或覆盖" in chinese and "已结束：1" in chinese
    assert holter("diagnose", cwd=tmp_path).stderr.startswith("holter: no target given: the newest tape, b.holter")
    (tmp_path / "b.holter").unlink()
    done = holter("report", cwd=tmp_path)
    assert done.returncode == 2 and "unknown-target: No target was given, and no tape is known." in done.stderr


def listed(folder: Path, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(holter("list", "--json", *arguments, cwd=folder).stdout)["runs"]
    return found


def test_a_recorder_that_was_killed_is_not_running(tmp_path: Path, state: Path, start) -> None:
    process = start("run", "-o", "a.holter", "--", "sleep", "60")
    until_s = time.monotonic() + 60
    while not read_all([state]) and time.monotonic() < until_s:
        time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (row,) = listed(tmp_path)
    assert (row["runs"], row["state"]) == (False, "cut")
    words = " ".join(holter("list", cwd=tmp_path).stdout.split())
    assert re.search("The recording breaks off at .*; how the training continued is not known", words)


@pytest.mark.long
def test_two_calls_that_train_one_fold_are_one_row(tmp_path: Path, state: Path, brain: Prepared) -> None:
    # The path of a socket of torch's is short.
    variables = {**brain.environment(), "nnUNet_results": str(tmp_path / "results"), "TMPDIR": "/tmp"}
    short = ("--iterations", "2", "--val-iterations", "1", "--save-every", "1")
    for more in (("--epochs", "1"), ("--epochs", "2", "--c")):
        done = holter("run", "--", *brain.command(*more, *short), cwd=tmp_path, **variables)
        assert done.returncode == 0, done.stderr[-3000:]
    (row,) = listed(tmp_path)
    assert (row["calls"], row["state"], row["epochs_done"], row["fold"]) == (2, "finished", 2, "0")
    assert len(row["earlier_tapes"]) == 1 and row["dataset"] == "Dataset801_HolterBrain"  # type: ignore[arg-type]
    assert "2 calls" in holter("list", cwd=tmp_path).stdout


def test_a_folder_of_tapes_is_read_without_a_registry(tmp_path: Path, state: Path) -> None:
    shutil.copy(TAPES / "worker_killed" / "frozen_and_killed.holter", tmp_path / "one.holter")
    (tmp_path / "below").mkdir()
    shutil.copy(TAPES / "results_folder_gone" / "results_deleted.holter", tmp_path / "below" / "two.holter")
    (tmp_path / "no.holter").write_text("this is no tape")
    (tmp_path / "folder.holter").mkdir()
    (tmp_path / "half.holter").write_bytes((tmp_path / "one.holter").read_bytes()[:3000])
    rows = listed(tmp_path, ".")
    states = {Path(str(row["tape"])).name: row["state"] for row in rows if row["dataset"] == "Dataset801_HolterBrain"}
    assert states == {"one.holter": "cut", "two.holter": "dead"} | {
        name: state for name, state in states.items() if name == "half.holter"
    }
    (tmp_path / "newer.holter").write_bytes((tmp_path / "one.holter").read_bytes())
    with closing(sqlite3.connect(tmp_path / "newer.holter")) as newer:
        newer.execute("PRAGMA user_version = 99")
    seen = holter("list", ".", cwd=tmp_path).stdout
    assert "folder.holter" not in seen
    assert "Not listed: no.holter is not a Holter tape.\n" in seen
    assert "Not listed: newer.holter was written in format 99; this Holter reads up to " in seen
    unread = json.loads(holter("list", ".", "--json", cwd=tmp_path).stdout)["unread"]
    assert {each["tape"] for each in unread} >= {"no.holter", "newer.holter"}
    missing = holter("list", "nowhere", cwd=tmp_path)
    assert missing.returncode == 2 and "There is no folder nowhere." in missing.stderr


@pytest.mark.slow
@needs("root")
@pytest.mark.parametrize("command", ["report", "diagnose", "list"])
def test_a_tape_of_another_user_is_not_taken_for_none(tmp_path: Path, state: Path, command: str) -> None:
    folder = tmp_path / "others"
    folder.mkdir()
    shutil.copy(TAPES / "worker_killed" / "frozen_and_killed.holter", folder / "one.holter")
    (folder / "one.holter").chmod(0o600)
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(0o755)
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable)
    if subprocess.run([*as_nobody, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("this Python can be run by root alone")
    words = [*command.split(), "." if command == "list" else "one.holter"]
    given = {"HOME": "/nonexistent", "XDG_STATE_HOME": "", "TMPDIR": "/tmp", "COLUMNS": "200", "LC_ALL": "C"}
    seen = subprocess.run(
        [*as_nobody, *HOLTER[1:], *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **given},
    )  # fmt: skip
    said = seen.stdout + seen.stderr
    assert "Cannot read one.holter: Permission denied." in said, said
    assert "Next: Only its owner can read a tape" in said, said
    assert ("Verdict: no tape in . can be read. Next" in said) == (command == "list"), said


@pytest.mark.parametrize("trouble", ["no home", "foreign", pytest.param("read-only", marks=needs("root"))])
def test_a_run_that_cannot_be_registered_says_so_once_and_goes_on(tmp_path: Path, trouble: str) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    home = tmp_path / "home"
    variables: dict[str, str | None] = {"TMPDIR": str(temporary), "XDG_STATE_HOME": None, "HOME": None}
    if trouble == "foreign":  # a file where the folder should be, in both places
        home.mkdir()
        (home / "holter").write_text("mine")
        (temporary / f"state-of-holter-{os.getuid()}").write_text("mine")
        variables["XDG_STATE_HOME"] = str(home)
    elif trouble == "read-only":
        variables["XDG_STATE_HOME"] = "/proc"
        (temporary / f"state-of-holter-{os.getuid()}").write_text("mine")
    done = holter("run", "-o", "t.holter", "--", "sh", "-c", "sleep 2; exit 5", cwd=tmp_path, **variables)
    assert done.returncode == 5 and (tmp_path / "t.holter").exists()
    said = done.stderr.count("this run will not be in holter list")
    if trouble == "no home":  # the folder for temporary files takes it
        assert said == 0
        assert json.loads(holter("list", "--json", cwd=tmp_path, **variables).stdout)["runs"][0]["exit_code"] == 5
    else:
        assert said == 1
        assert holter("list", cwd=tmp_path, **variables).returncode == 0
