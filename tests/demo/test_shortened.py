"""The shortened training is nnU-Net's own, and only shorter."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from holter.demo.prepare import Prepared
from holter.probes.training.trainlog import TrainLogProbe
from holter.records import EpochEnded, ExceptionSeen, PhaseChanged
from holter.texts.training_command import parse_training_command
from holter.trainer.shortened import read_delay_s, wait_natively


def test_the_module_needs_nothing_but_python_until_it_trains() -> None:
    code = "import sys, holter.trainer.shortened; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"msgspec", "psutil", "torch", "nnunetv2", "numpy"} & set(loaded)


def test_a_delay_that_is_missing_or_half_written_is_none(tmp_path: Path) -> None:
    file = tmp_path / "delay"
    assert read_delay_s(file) == 0
    file.write_text("")
    assert read_delay_s(file) == 0
    file.write_text("2.5\n")
    assert read_delay_s(file) == 2.5


@pytest.mark.slow
def test_the_native_wait_lets_other_threads_run_and_is_not_cut_short_by_a_signal() -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    ticks: list[float] = []

    def tick() -> None:
        for _ in range(5):
            time.sleep(0.05)
            ticks.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGUSR2)

    try:
        other = threading.Thread(target=tick)
        began_s = time.monotonic()
        other.start()
        wait_natively(1.5)
        took_s = time.monotonic() - began_s
        other.join()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert took_s >= 1.5
    assert ticks[-1] - began_s < 1.45  # they ran during the wait


@pytest.mark.training
@pytest.mark.parametrize("name", ["nnUNetTrainer", "nnUNetTrainerNoMirroring"])
@pytest.mark.long
def test_a_trainer_is_found_without_importing_the_others(name: str) -> None:
    code = (
        f"import sys; from holter.trainer.find import find_trainer; found = find_trainer({name!r});"
        "others = [n for n in sys.modules if n.startswith('nnunetv2.training.nnUNetTrainer.variants.')"
        " and n.count('.') > 4 and n != found.__module__];"
        "print(found.__name__, 'torchvision' in sys.modules, others)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{name} False []"


@pytest.mark.training
def test_it_trains_and_validates(finished) -> None:
    output = finished.console.read_text()
    assert "Epoch 0\n" in output and "Epoch 1\n" in output and "Epoch 2\n" not in output
    assert "Mean Validation Dice" in output
    assert (finished.fold / "checkpoint_final.pth").exists()
    assert (finished.fold / "validation" / "summary.json").exists()


@pytest.mark.training
@pytest.mark.long
def test_it_goes_on_from_its_checkpoint_without_a_validation(brain: Prepared, finished, tmp_path: Path) -> None:
    shutil.copytree(finished.results, tmp_path / "results")
    environment = os.environ | brain.environment() | {"nnUNet_results": str(tmp_path / "results")}
    command = brain.command("--epochs", "3", "--iterations", "2", "--val-iterations", "1", "--no-validation", "--c")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    assert "Epoch 2\n" in done.stdout and "Epoch 1\n" not in done.stdout
    assert "predicting" not in done.stdout
    assert len(list((tmp_path / "results").rglob("training_log_*.txt"))) == 2


@pytest.mark.training
def test_the_probe_understands_its_log_to_the_end(brain: Prepared, finished) -> None:
    command = parse_training_command(finished.command)
    assert command is not None
    assert command.fold_folder(brain.environment() | {"nnUNet_results": str(finished.results)}) == finished.fold
    probe = TrainLogProbe(finished.fold, wall_zero=finished.began_wall, console=(finished.console,), wait_s=10)
    events = probe.read(finished.took_s).events
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert [event.epoch for event in epochs] == [0, 1]
    for event in epochs:
        assert None not in (event.duration_s, event.train_loss, event.val_loss, event.learning_rate)
        assert event.pseudo_dice
        assert 0 < event.t_s < finished.took_s
    phases = [event.phase for event in events if isinstance(event, PhaseChanged)]
    assert phases == ["startup", "train", "checkpoint", "train", "checkpoint", "final-validation", "shutdown"]
    assert not any(isinstance(event, ExceptionSeen) for event in events)
