"""Real trainings to their end, to an error, to Ctrl-C and to a kill: what is left behind, and what comes out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from holter.hook import page
from holter.hook.checkpoints.select import verify
from holter.trainer.loading import with_holter_loader
from holter.trainer.shortened import build, parse, set_seed
from trainer.scene import Scene, Traces, equal, stock_trainer

pytestmark = pytest.mark.training

INJECT = Path(page.__file__).parent / "inject"
COMMAND = ("801", "3d_fullres", "0", "--loader", "holter", "--seed", "5", "--save-every", "1", "--no-validation")
SIZE = ("--epochs", "3", "--iterations", "4", "--val-iterations", "2")
KILL_WITHIN_S = 120.0


class Watched(stock_trainer()):  # type: ignore[misc]
    """Looks around in the middle of an epoch, and may break there."""

    traces: Traces
    broken_by: BaseException | None = None
    seen: set[str]

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()
        self.seen = self.traces.new()
        if isinstance(self.broken_by, KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        if self.broken_by is not None:
            raise self.broken_by


def watched(scene: Scene) -> Any:
    trainer = scene.trainer(with_holter_loader(Watched))
    trainer.traces = Traces()
    return trainer


def test_there_is_never_a_process_or_shared_memory_and_at_the_end_no_thread(scene: Scene) -> None:
    trainer = watched(scene)
    trainer.run_training()
    assert {trace.partition(" ")[0] for trace in trainer.seen} == {"thread"}
    assert any("holter-read" in trace for trace in trainer.seen)
    assert trainer.traces.new() == set()
    assert [trainer.dataloader_train.state_dict()["step"], trainer.dataloader_val.state_dict()["step"]] == [8, 4]
    final = Path(trainer.output_folder) / "checkpoint_final.pth"
    assert verify(final).ok
    assert len(trainer.logger.get_value("train_losses", step=None)) == 2


@pytest.mark.parametrize("error", [RuntimeError("network"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_an_error_and_ctrl_c_leave_nothing_behind(scene: Scene, error: BaseException) -> None:
    trainer = watched(scene)
    trainer.broken_by = error
    with pytest.raises(type(error)):
        trainer.run_training()
    assert trainer.traces.new() == set()


@pytest.mark.sample
def test_a_training_that_was_killed_and_goes_on_is_the_one_that_was_not(scene: Scene, tmp_path: Path) -> None:
    """In one process, and in one under the hook that is killed in its last epoch and continued without the hook."""
    whole = train(tmp_path / "whole")
    killed = tmp_path / "killed"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    kill_in_last_epoch(killed, scratch)
    beats = [page.decode(file.read_bytes()) for file in scratch.glob("beat-*")]
    main = next(beat for beat in beats if beat is not None and beat.role == "main")
    assert main.steps_total >= 12 and main.data_wait_s is not None and main.data_wait_s_total > 0
    continued = train(killed, "--c")
    assert continued["first_epoch"] > 0
    for what in ("network_weights", "optimizer_state"):
        assert equal(continued[what], whole[what]), what
    for what in ("train_losses", "val_losses", "dice_per_class_or_region"):
        assert equal(continued["logging"][what], whole["logging"][what]), what
    assert continued["holter"]["loaders"] == whole["holter"]["loaders"]


@pytest.mark.long
def test_stock_goes_on_from_our_checkpoint_and_we_from_stocks(scene: Scene) -> None:
    for first, second in ((Watched, stock_trainer()), (stock_trainer(), Watched)):
        begins = scene.trainer(first if first is not Watched else with_holter_loader(stock_trainer()))
        begins.num_epochs, begins.num_iterations_per_epoch, begins.num_val_iterations_per_epoch = 1, 1, 1
        begins.run_training()
        file = str(Path(begins.output_folder) / "checkpoint_final.pth")
        goes_on = scene.trainer(second if second is not Watched else with_holter_loader(stock_trainer()), seed=2)
        goes_on.load_checkpoint(file)
        assert goes_on.current_epoch == 1
        goes_on.run_training()
        assert len(goes_on.logger.get_value("train_losses", step=None)) == 2


def train(results: Path, *more: str) -> dict[str, Any]:
    """The final checkpoint, and the epoch that this process began with."""
    os.environ.update(nnUNet_results=str(results))
    options = parse([*COMMAND, *SIZE, *more])
    set_seed(options.seed)
    trainer = build(options)
    from nnunetv2.run.run_training import maybe_load_checkpoint

    maybe_load_checkpoint(trainer, options.c, False, None)
    first_epoch = trainer.current_epoch
    trainer.run_training()
    final = torch.load(Path(trainer.output_folder) / "checkpoint_final.pth", weights_only=False)
    return {**final, "first_epoch": first_epoch}


def kill_in_last_epoch(results: Path, scratch: Path) -> None:
    environment = {
        **os.environ,
        "nnUNet_results": str(results),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(INJECT),
        "HOLTER_SCRATCH": str(scratch),
        "HOLTER_GENERATION": "0",
        "HOLTER_HEAL": "checkpoints",
        "HOLTER_CHECKPOINT_EVERY_S": "0",
    }
    delay = scratch / "delay"
    command = [sys.executable, "-m", "holter.trainer.shortened", *COMMAND, *SIZE, "--train-step-delay-file", str(delay)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watchdog = threading.Timer(KILL_WITHIN_S, process.kill)
    watchdog.start()
    lines = []
    try:
        for line in process.stdout or ():
            lines.append(line)
            if line.rstrip().endswith("Epoch 2"):
                delay.write_text("1.0")  # it must not get to its end
                time.sleep(0.3)
                break
    finally:
        process.kill()
        process.wait()
        watchdog.cancel()
    assert "Epoch 2" in lines[-1], "".join(lines[-30:])
