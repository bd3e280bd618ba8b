"""``holter attach`` on stock trainings that were started without Holter, also when they hang already."""

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

from holter.causes import diagnose_all
from holter.demo.faults import Context, FreezeWorker, Worker
from holter.demo.prepare import Prepared
from holter.diagnosis.targets import diagnose_target
from holter.errors import AlreadyRecorded, NoSuchProcess, NotATape, NotATraining, TapeError
from holter.evidence import chain
from holter.records import ContractSettled, EpochEnded
from holter.reports.live.contract import contract_line
from holter.supervisor.attach import attach, find_training
from holter.supervisor.recording.listener import Listener
from holter.tape import read
from supervisor.scene import Named, top

pytestmark = pytest.mark.training


class Stock:
    """A training that knows nothing of Holter."""

    def __init__(self, brain: Prepared, folder: Path) -> None:
        self.log = folder / "output.txt"
        environment = {**os.environ, **brain.environment(), "nnUNet_results": str(folder / "results")}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                brain.command("--epochs", "400", "--iterations", "20", "--no-validation"),
                env={**environment, "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + 90
        while text not in self.log.read_text(errors="replace"):
            assert time.monotonic() < until, self.log.read_text(errors="replace")[-2000:]
            assert self.process.poll() is None
            time.sleep(0.1)

    def workers(self) -> list[psutil.Process]:
        return sorted(psutil.Process(self.pid).children(), key=lambda child: child.pid)[:2]

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def stock(brain: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """One for all these tests: who attaches does not touch it, and who freezes a worker lets it go on again."""
    training = Stock(brain, tmp_path_factory.mktemp("stock"))
    yield training
    training.end()


class Heard(Listener):
    """Keeps what can be seen and done."""

    def __init__(self) -> None:
        self.settled: list[ContractSettled] = []

    def contract(self, settled: ContractSettled, before: ContractSettled | None) -> None:
        self.settled.append(settled)


@contextlib.contextmanager
def frozen_worker(training: Stock, folder: Path) -> Iterator[None]:
    fault = FreezeWorker()
    workers = tuple(Worker(pid=worker.pid, role="train-worker") for worker in training.workers())
    context = Context(scratch=folder, preprocessed=folder, main_pid=training.pid, workers=workers)
    fault.inject(context)
    try:
        yield
    finally:
        fault.relieve(context)


def until_named(cause: str):
    """End the recording as Ctrl-C does when the cause is named."""
    named = Named(cause)

    def look(recorder, tick):
        if named.count(recorder, tick):
            signal.raise_signal(signal.SIGINT)

    return look


@pytest.mark.long
def test_a_training_that_hangs_already_is_diagnosed_from_a_workers_pid(stock, tmp_path):
    stock.wait_for("Epoch 2")
    with frozen_worker(stock, tmp_path):
        time.sleep(12)
        pid = stock.workers()[0].pid
        result = attach(pid, tmp_path / "t.holter", for_s=40.0, each_tick=until_named("frozen-worker"))
    assert result.episodes
    recording = read(tmp_path / "t.holter")
    assert recording.environment.attached
    assert recording.environment.main_pid == stock.pid
    assert not any(tick.beats for tick in recording.all_ticks)
    assert [event.epoch for event in recording.events(EpochEnded)][:2] == [0, 1], "what the log tells of before"
    diagnosis = diagnose_all(recording)[0]
    assert diagnosis.episode.alarm_s < 20
    assert top(diagnosis) == ("frozen-worker", "confirmed")
    assert [link.waiter for link in diagnosis.wait_chain][:2] == [chain.MAIN(), chain.BATCH_QUEUE()]
    assert stock.process.poll() is None


@pytest.mark.long
def test_a_healthy_training_is_left_alone_and_nothing_is_said(stock, tmp_path):
    stock.wait_for("Epoch 1")
    heard = Heard()
    result = attach(stock.pid, tmp_path / "t.holter", for_s=18.0, listener=heard)
    assert result.episodes == () and result.no_training is None
    settled = heard.settled[0]
    assert settled.t_s < 17, "as soon as the log and the stacks were tried"
    assert [sight.name for sight in settled.sees if sight.can][:4] == ["loader", "log", "exceptions", "stacks"]
    assert settled.ability("heartbeat").why_not.key == "contract.attached"
    assert contract_line(settled, "en").endswith("It only watches; holter train, or run --heal, acts.")
    assert read(tmp_path / "t.holter").events(ContractSettled) == (settled,)
    assert stock.process.poll() is None
    assert "Traceback" not in stock.log.read_text()


DATA_LOADER = """
import time, torch
from torch.utils.data import DataLoader, Dataset
class Data(Dataset):
    def __len__(self): return 100000
    def __getitem__(self, number): time.sleep(0.05); return torch.zeros(8)
for batch in DataLoader(Data(), batch_size=4, num_workers=1): print("step", flush=True)
"""


@contextlib.contextmanager
def of_another_kind(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A training without nnU-Net, once it has begun."""
    script = folder / "loads.py"
    script.write_text(DATA_LOADER)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")}
    with (folder / "output.txt").open("wb") as out:
        process = subprocess.Popen([sys.executable, script], env=variables, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 60
        while not (folder / "output.txt").read_bytes():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        yield process
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.long
def test_what_trains_without_nnunet_is_no_training_that_was_seen(lang, tmp_path):
    with of_another_kind(tmp_path) as process:
        command = [sys.executable, "-m", "holter", "attach", str(process.pid), "--for", "4", "--lang", lang]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    contract, ending, wrote = done.stderr.splitlines()
    assert ("sees PyTorch DataLoader workers" if lang == "en" else "PyTorch DataLoader 的工作进程") in contract
    if lang == "en":
        why = "the training was started without Holter; no training log of nnU-Net was found"
        assert ending == f"holter: No training was seen: {why}."
    else:
        assert ending.startswith("holter: 没有看到训练：")
    assert wrote.endswith(".holter")


@pytest.mark.long
def test_where_something_is_wrong_it_is_not_said_that_no_training_was_seen(tmp_path):
    with of_another_kind(tmp_path) as process:
        (worker,) = psutil.Process(process.pid).children()
        worker.suspend()
        command = [sys.executable, "-m", "holter", "attach", str(process.pid), "--for", "15", "--lang", "en"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)
        worker.resume()
    assert done.returncode == 1, done.stderr
    assert f"worker (PID {worker.pid}) is stopped. Confirmed" in done.stderr
    assert "No training was seen" not in done.stderr


@pytest.mark.long
def test_who_looks_does_not_say_that_a_training_works_that_was_not_seen(tmp_path):
    with of_another_kind(tmp_path) as process:
        command = [sys.executable, "-m", "holter", "diagnose", str(process.pid), "--for", "4", "--lang", "en"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stdout
    assert "No training was seen: the training was started without Holter" in done.stdout
    assert "The training works" not in done.stdout


def is_recording(tape: Path) -> bool:
    with contextlib.suppress(TapeError, NotATape):  # it is only just being made
        return bool(read(tape).all_ticks)
    return False


@contextlib.contextmanager
def other_recorder(training: Stock, tape: Path) -> Iterator[subprocess.Popen[str]]:
    """``holter attach`` in a process of its own, once it is at work."""
    command = [sys.executable, "-m", "holter", "attach", str(training.pid), "-o", str(tape)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60
        while not is_recording(tape):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_recorder_is_refused_and_a_dead_ones_place_is_taken(stock, tmp_path):
    stock.wait_for("Epoch 0")
    with other_recorder(stock, tmp_path / "first.holter"), pytest.raises(AlreadyRecorded, match="Another Holter"):
        attach(stock.pid, tmp_path / "second.holter", for_s=2.0)
    assert not (tmp_path / "second.holter").exists()
    attach(stock.pid, tmp_path / "third.holter", for_s=2.0)
    assert read(tmp_path / "third.holter").finished


def test_ctrl_c_ends_the_recording_and_not_the_training(stock, tmp_path):
    stock.wait_for("Epoch 0")
    with other_recorder(stock, tmp_path / "t.holter") as recorder:
        recorder.send_signal(signal.SIGINT)
        _, printed = recorder.communicate(timeout=30)
        assert recorder.returncode == 0, printed
    assert read(tmp_path / "t.holter").finished
    assert stock.process.poll() is None


def test_who_names_a_holter_means_the_training_that_it_records(tmp_path):
    """Also if its command is no nnU-Net: the answer is that it is recorded already, not that nothing trains."""
    command = [sys.executable, "-m", "holter", "run", "-o", str(tmp_path / "t.holter"), "--", "sleep", "60"]
    recorder = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not is_recording(tmp_path / "t.holter"):
            assert recorder.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        (sleeper,) = (child for child in psutil.Process(recorder.pid).children() if child.name() == "sleep")
        assert find_training(recorder.pid) == sleeper.pid
        with pytest.raises(AlreadyRecorded) as refused:
            attach(recorder.pid, tmp_path / "second.holter", for_s=2.0)
        assert refused.value.next_step == f"holter top {tmp_path / 't.holter'}"
        for pid in (recorder.pid, sleeper.pid):  # as in the README's first lines: the PID of a training that hangs
            seen = diagnose_target(str(pid), tell_observed=lambda _: None)
            assert (seen.kind, seen.name) == ("tape", str(tmp_path / "t.holter"))
    finally:
        recorder.terminate()
        recorder.wait()


def test_wrong_pids_are_named():
    with pytest.raises(NoSuchProcess, match="no process 4194303"):
        find_training(4194303)
    sleeper = subprocess.Popen(["sleep", "30"])
    try:
        with pytest.raises(NotATraining, match="sleep"):
            find_training(sleeper.pid)
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.root
def test_another_users_process_is_refused_by_name(tmp_path):
    code = (
        "import os, sys; os.setuid(65534)\n"
        "from holter.supervisor.attach import find_training\n"
        "from holter.errors import NotOurProcess\n"
        "try: find_training(int(sys.argv[1]))\n"
        "except NotOurProcess as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(os.getpid())], capture_output=True, text=True, check=False, cwd="/"
    )
    if "ModuleNotFoundError" in done.stderr or "PermissionError" in done.stderr:
        pytest.skip("the checkout cannot be read by another user here")
    assert "belongs to root" in done.stdout, done.stderr
