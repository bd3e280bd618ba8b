"""A signal while a training stalls: the stall is over only if the training survives it and goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from holter.history.fates import fates
from holter.tape import read

TOY = Path(__file__).parents[2] / "hook" / "dataloader" / "toy_loader.py"
FROZEN = json.dumps([{"faults": [[20, 1, "stop"]], "samples": 4000}])
WITHIN_S = 120.0


# A loop whose first worker stops itself once. It ends when the file "enough" exists; some catch the signal and go on.
LOOP = """
import os, pathlib, signal, sys, time, torch
from torch.utils.data import DataLoader, Dataset
class Zeros(Dataset):
    def __len__(self): return 1_000_000
    def __getitem__(self, index):
        if index == 200 and not os.path.exists("stopped"):
            pathlib.Path("stopped").write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.01)
        return torch.zeros(4)
torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)
if "survives" in sys.argv: signal.signal(signal.SIGTERM, lambda *_: print("going on", flush=True))
for batch in DataLoader(Zeros(), batch_size=4, num_workers=2):
    if os.path.exists("enough"): break
"""


@contextlib.contextmanager
def stalled(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]:
    """Holter with that loop, whose stall has a cause by now; and the stopped worker."""
    (folder / "loop.py").write_text(LOOP)
    command = ["run", "--lang", "en", "--tape", "t.holter", "--", sys.executable, "loop.py", *words]
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "TMPDIR": str(folder)}
    with (folder / "lines").open("w") as out:
        holter = subprocess.Popen(
            [sys.executable, "-m", "holter", *command],
            stdout=out,
            stderr=out,
            env=environ,
            cwd=folder,
            start_new_session=True,
        )
    processes: list[psutil.Process] = []
    try:
        assert seen(folder, "(score", holter), (folder / "lines").read_text()
        processes = psutil.Process(holter.pid).children(recursive=True)
        yield holter, psutil.Process(int((folder / "stopped").read_text()))
    finally:
        if holter.poll() is None:
            os.killpg(holter.pid, signal.SIGKILL)
            holter.wait()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def seen(folder: Path, words: str, holter: subprocess.Popen[bytes]) -> bool:
    end_s = time.monotonic() + WITHIN_S
    while words not in (folder / "lines").read_text():
        if time.monotonic() > end_s or holter.poll() is not None:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.training
@pytest.mark.long
def test_a_training_that_survives_the_signal_goes_on_and_its_stall_is_over(tmp_path: Path) -> None:
    with stalled(tmp_path, "survives") as (holter, worker):
        holter.terminate()
        time.sleep(6)
        worker.resume()
        assert seen(tmp_path, "is over after", holter), (tmp_path / "lines").read_text()
        (tmp_path / "enough").touch()
        assert holter.wait(WITHIN_S) == 0
    said = (tmp_path / "lines").read_text()
    assert "going on" in said and "was not over" not in said, said
    recording = read(tmp_path / "t.holter")
    assert set(fates(recording, recording.episodes())) == {"over"}


@pytest.mark.training
@pytest.mark.long
def test_a_person_who_interrupts_the_training_itself_reads_no_dead_pid(tmp_path: Path) -> None:
    with stalled(tmp_path) as (holter, worker):
        os.kill(worker.ppid(), signal.SIGINT)
        time.sleep(8)  # at its exit Python waits for the stopped worker
        worker.kill()
        assert holter.wait(WITHIN_S) != 0
    said = (tmp_path / "lines").read_text()
    assert "is over after" not in said and "went on by itself" not in said, said
    assert said.count("was not over when the training ended") == 1, said
    assert "kill" not in said.partition("Stopped by hand")[2], said
    recording = read(tmp_path / "t.holter")
    assert set(fates(recording, recording.episodes())) == {"open"}


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
