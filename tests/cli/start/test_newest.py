"""Commands without a target: the run that runs, else the newest whose tape is there, else one clear error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from holter.cli.start.newest import newest_tape
from holter.errors import UnknownTarget
from holter.linux.place import here
from holter.probes.process.process_files import started
from holter.tape.registry import Entry, new_file, write

TAPE = Path(__file__).parents[2] / "tapes" / "quiet" / "as_usual.holter"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and a state folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "t").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    monkeypatch.setattr("tempfile.tempdir", None)  # other tests' runs without a home are registered in the usual one
    monkeypatch.setenv("LC_ALL", "C")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def registered(folder: Path, name: str, began: str, *, runs: bool = False, is_there: bool = True) -> None:
    state = Path(os.environ["XDG_STATE_HOME"]) / "holter"
    state.mkdir(parents=True, exist_ok=True)
    if is_there:
        shutil.copy(TAPE, folder / name)
    pid = os.getpid()
    entry = Entry(
        tape=str(folder / name), host="here", place=here(), pid=pid, pid_started=started(pid),
        began=began, seen=began, ended=None if runs else began, state="running" if runs else "finished",
    )  # fmt: skip
    write(new_file(state, "here", pid), entry)


def taken(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    path = newest_tape("en", "next")
    return str(path), capsys.readouterr().err


def test_of_two_that_run_the_newest_is_taken_and_their_number_said(folder, capsys) -> None:
    registered(folder, "a.holter", "2026-01-01T10:00:00+00:00", runs=True)
    registered(folder, "b.holter", "2026-01-01T11:00:00+00:00", runs=True)
    registered(folder, "c.holter", "2026-01-01T12:00:00+00:00")
    assert taken(capsys) == ("b.holter", "holter: no target given: the newest of 2 trainings that run, b.holter\n")


def test_a_run_whose_tape_is_gone_is_passed_over(folder, capsys) -> None:
    registered(folder, "old.holter", "2026-01-01T10:00:00+00:00")
    registered(folder, "gone.holter", "2026-01-01T11:00:00+00:00", is_there=False)
    registered(folder, "gone-too.holter", "2026-01-01T12:00:00+00:00", runs=True, is_there=False)
    assert taken(capsys)[0] == "old.holter"


def test_without_a_registry_the_newest_file_is_taken_and_a_dead_link_passed_over(folder, capsys, monkeypatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (folder / "link.holter").symlink_to("nowhere")
    (folder / "folder.holter").mkdir()
    with pytest.raises(UnknownTarget):
        newest_tape("en", "next")
    shutil.copy(TAPE, folder / "a.holter")
    assert taken(capsys)[0] == "a.holter"


def test_a_current_folder_that_was_deleted_is_no_error(folder, capsys) -> None:
    registered(folder.parent, "a.holter", "2026-01-01T10:00:00+00:00")
    folder.rmdir()
    assert taken(capsys)[0] == str(folder.parent / "a.holter")


@pytest.mark.parametrize("command", ["top", "report", "diagnose", "web"])
def test_each_command_says_that_there_is_none_also_without_a_home(folder: Path, command: str) -> None:
    dropped = ("HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    done = subprocess.run(
        [sys.executable, "-m", "holter", command],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    said, following = done.stderr.splitlines()
    assert said == "holter: unknown-target: No target was given, and no tape is known."
    assert following.startswith("holter:   Next: ")
