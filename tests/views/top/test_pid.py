"""``holter top PID`` on a real training that nobody records, and on one that is recorded already."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from benchmarks.views.top import Terminal

from holter.demo.prepare import Prepared
from holter.errors import NoSuchProcess, NotATraining
from holter.supervisor.in_background import BackgroundAttach
from holter.supervisor.recording.whose_tape import tape_of
from holter.tape import read

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def stock(brain: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    folder = tmp_path_factory.mktemp("stock")
    environment = {**os.environ, **brain.environment(), "nnUNet_results": str(folder / "results")}
    log = folder / "output.txt"
    with log.open("wb") as out:
        training = subprocess.Popen(
            brain.command("--epochs", "400", "--iterations", "20", "--no-validation"),
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    until_s = time.monotonic() + 120
    while "Epoch 1" not in log.read_text(errors="replace"):
        assert time.monotonic() < until_s and training.poll() is None, log.read_text(errors="replace")[-2000:]
        time.sleep(0.2)
    yield training
    with contextlib.suppress(ProcessLookupError):
        os.killpg(training.pid, signal.SIGKILL)
    training.wait()


def test_a_pid_is_recorded_for_as_long_as_it_is_watched(
    stock: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    terminal = Terminal([sys.executable, "-m", "holter", "top", str(stock.pid)], 100, 40)
    assert terminal.read(30.0, b"the recording ends with this view")
    assert terminal.read(30.0, b"CPU+iowait"), terminal.output[-800:]
    (tape,) = tmp_path.glob("*.holter")
    assert tape_of(stock.pid) == tape
    worker = sorted(child.pid for child in psutil.Process(stock.pid).children())[0]
    os.kill(worker, signal.SIGSTOP)
    try:
        assert terminal.read(60.0, b"TTT"), "the stopped worker is not seen"
    finally:
        os.kill(worker, signal.SIGCONT)
    recorders = [process for process in psutil.Process(terminal.pid).children() if "attach" in process.cmdline()]
    assert len(recorders) == 1
    assert terminal.close() == 0
    assert b"The recording is in " in terminal.output
    assert stock.poll() is None and not recorders[0].is_running()
    assert read(tape).finished


def test_a_training_that_is_recorded_already_is_shown_from_its_tape(
    stock: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recording = BackgroundAttach(stock.pid, os.environ, tmp_path / "first.holter")
    try:
        terminal = Terminal([sys.executable, "-m", "holter", "top", str(stock.pid)], 100, 40)
        assert terminal.read(30.0, b"CPU+iowait")
        assert terminal.close() == 0
        assert list(tmp_path.glob("*.holter")) == [tmp_path / "first.holter"]
        assert not read(tmp_path / "first.holter").finished
    finally:
        recording.close()
    assert stock.poll() is None and read(tmp_path / "first.holter").finished


def test_a_view_that_is_killed_ends_its_recording(
    stock: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    terminal = Terminal([sys.executable, "-m", "holter", "top", str(stock.pid)], 80, 24)
    assert terminal.read(30.0, b"CPU+iowait")
    (recorder,) = psutil.Process(terminal.pid).children()
    os.kill(terminal.pid, signal.SIGKILL)
    os.waitpid(terminal.pid, 0)
    recorder.wait(20)
    assert stock.poll() is None
    assert list((tmp_path / "t").iterdir()) == [], "a view that is killed leaves no file behind"


def test_a_process_that_does_not_train_is_refused(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        with pytest.raises(NotATraining):
            BackgroundAttach(other.pid, os.environ, tmp_path / "none.holter")
        other.kill()
    with pytest.raises(NoSuchProcess):
        BackgroundAttach(2**22 - 7, os.environ, tmp_path / "none.holter")
    assert tape_of(os.getpid()) is None
