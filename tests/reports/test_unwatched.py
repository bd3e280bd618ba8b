"""A recorder that was killed: its training still runs, and is named with the command that watches it again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from holter.cli.list_runs import all_rows
from holter.cli.start.newest import newest_tape
from holter.diagnosis.targets import read_tape
from holter.linux.place import here
from holter.reports.runs import Row
from holter.tape.registry import Entry, new_file, write

QUIET = Path(__file__).parents[1] / "tapes" / "quiet" / "as_usual.holter"
WORKS = "import time\nwhile True: time.sleep(0.1)\n"


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, psutil.Process]]:
    """The tape of a real ``holter run`` that got SIGKILL, and the process that it recorded."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tape, script = tmp_path / "run.holter", tmp_path / "script.py"
    script.write_text(WORKS)
    command = [sys.executable, "-m", "holter", "run", "--tape", str(tape), "--", sys.executable, str(script)]
    holter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        main = _recorded(tape, script, holter)
        holter.kill()
        holter.wait()
        yield tape, main
    finally:
        _end(holter.pid)


def _recorded(tape: Path, script: Path, holter: subprocess.Popen[bytes]) -> psutil.Process:
    until = time.monotonic() + 60.0
    while time.monotonic() < until and holter.poll() is None:
        mains = [child for child in psutil.Process(holter.pid).children() if _runs(child, script)]
        if mains and tape.exists() and len(read_tape(tape).recording.all_ticks) > 3:
            return mains[0]
        time.sleep(0.5)
    raise AssertionError("nothing was recorded")


def _runs(process: psutil.Process, script: Path) -> bool:
    try:
        return str(script) in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def _end(session: int) -> None:
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session:
                process.send_signal(signal.SIGKILL)
        except (ProcessLookupError, psutil.Error):
            continue


def rows_of_tape(tape: Path) -> list[Row]:
    return [row for row in all_rows() if row.tape == str(tape)]


@pytest.mark.slow
def test_it_is_named_as_long_as_it_lives(
    killed: tuple[Path, psutil.Process], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape, main = killed
    ran = read_tape(tape).outcome
    assert ran is not None
    assert (ran.state, ran.next_command) == ("unwatched", f"holter attach {main.pid}")
    assert ran.headline.value("pid") == main.pid
    (row,) = rows_of_tape(tape)
    assert (row.state, row.headline.value("pid"), row.runs) == ("unwatched", main.pid, False)

    ended = tmp_path / "newer.holter"
    shutil.copy(QUIET, ended)
    entry = Entry(
        tape=str(ended), host="here", place=here(), pid=1, began="2099-01-01T10:00:00+00:00",
        seen="2099-01-01T10:00:00+00:00", ended="2099-01-01T10:00:00+00:00", state="finished",
    )  # fmt: skip
    write(new_file(tmp_path / "state" / "holter", "here", 1), entry)
    assert newest_tape("en", "next").samefile(tape), "it still runs, and the newest tape is over"
    assert capsys.readouterr().err.startswith("holter: no target given: a training that still runs, but is no longer")

    main.kill()
    main.wait(10)
    assert newest_tape("en", "next").samefile(ended)
    ran = read_tape(tape).outcome
    assert ran is not None
    assert ran.state == "cut"
    assert [row.state for row in rows_of_tape(tape)] == ["cut"]
