"""A living training is ended only where there is something to go on from; nothing on the disk is touched by asking."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.records import ActionTaken, Beat, Plan, Tick
from holter.reports.catalogue import phrase
from holter.sentences import has
from holter.supervisor.healing import checkpoint_before_restart
from holter.supervisor.healing.checkpoint_before_restart import NOT_IN_TIME, CheckpointGuard, StalledTraining
from holter.supervisor.healing.continuation import Continuation
from holter.supervisor.healing.control import Control
from holter.supervisor.healing.end_group import end_group
from holter.texts.resume_command import resume_command
from needs import imported

torch = imported("torch")

LATEST = "checkpoint_latest.pth"
COMMAND = ("nnUNetv2_train", "4", "3d_fullres", "0")


def save(path: Path, epochs: int) -> None:
    kept = ("optimizer_state", "grad_scaler_state", "logging", "_best_ema", "init_args", "trainer_name")
    weights = {"network_weights": {"weight": torch.zeros(300)}, "current_epoch": epochs}
    torch.save({**{name: {} for name in kept}, **weights, "inference_allowed_mirroring_axes": None}, path)


class Standstill:
    """A training that stands in epoch 4, and what is done and told when its end is asked for."""

    def __init__(self, folder: Path, *, waits: str = "train-batch", from_scratch: bool = False) -> None:
        self.folder = folder / "fold_0"
        self.folder.mkdir()
        self.said: list[ActionTaken] = []
        self.requests = folder / "control.json"
        self.waits, self.steps = waits, 100
        self.answer = lambda: None  # the hook's, on the next tick
        recorder = SimpleNamespace(
            about=SimpleNamespace(environment=SimpleNamespace(output_folder=str(self.folder))),
            now_s=time.monotonic, add=lambda *_: None, act=self.said.append,
        )  # fmt: skip
        way = Continuation(COMMAND, resume_command(COMMAND), None, from_scratch=from_scratch)
        self.guard = CheckpointGuard(recorder, Control(folder), way)

    def tick(self) -> Tick:
        t_s = time.monotonic()
        beat = Beat(t_s=t_s, pid=1, phase="train", epoch=4, waits_for=self.waits, steps_total=self.steps)
        state = self.answer() if self.requests.exists() else None
        events = (ActionTaken(t_s=t_s, action="save-checkpoint", state=state, source="hook"),) if state else ()
        return Tick(t_s=t_s, beats=(beat,), events=events)

    def ask(self, action: str = "restart") -> str:
        plan = Plan(action=action, cause="frozen-worker")
        return self.guard.ask(StalledTraining(plan, 0, 4, self.tick()), self.tick)

    def told(self) -> list[tuple[str, str]]:
        return [(said.action, said.state) for said in self.said]


@pytest.fixture
def still(tmp_path):
    return Standstill(tmp_path)


def tear(path: Path) -> bytes:
    os.truncate(path, path.stat().st_size // 2)
    return path.read_bytes()


def test_with_every_finished_epoch_on_the_disk_it_is_ended_and_nothing_is_asked_for(still):
    save(still.folder / LATEST, 4)
    assert still.ask() == "end"
    assert still.told() == []
    assert not still.requests.exists()


def test_finished_epochs_that_no_checkpoint_has_are_saved_first(still):
    save(still.folder / LATEST, 2)

    def answer() -> str:
        save(still.folder / LATEST, 4)
        return "done"

    still.answer = answer
    assert still.ask() == "end"
    assert still.told() == [("save-checkpoint", "begun")]
    assert '"checkpoint-here"' in still.requests.read_text()


def test_a_checkpoint_that_was_on_its_way_already_is_not_taken_for_the_answer(still):
    save(still.folder / LATEST, 2)
    epochs = iter((3, 4))

    def answer() -> str:
        save(still.folder / LATEST, next(epochs))
        return "done"

    still.answer = answer
    assert still.ask() == "end"
    assert next(epochs, None) is None


@pytest.mark.parametrize("action", ["restart", "stop"])
def test_without_a_usable_checkpoint_it_is_left_alone_and_its_files_are_not_touched(still, action):
    save(still.folder / LATEST, 3)
    torn = tear(still.folder / LATEST)
    still.answer = lambda: "failed"
    assert still.ask(action) == "leave"
    assert still.told() == [("save-checkpoint", "begun"), ("leave-alone", "begun")]
    told = phrase(still.said[-1].said, "en")
    assert f"{LATEST}: torn" in told and "--restart-from-scratch" in told
    assert {path.name: path.read_bytes() for path in still.folder.iterdir()} == {LATEST: torn}


def test_what_its_memory_holds_can_be_the_rescue(still):
    save(still.folder / LATEST, 3)
    tear(still.folder / LATEST)

    def answer() -> str:
        save(still.folder / LATEST, 4)
        return "done"

    still.answer = answer
    assert still.ask() == "end"


def test_a_training_that_cannot_save_where_it_stands_is_not_asked_in_vain(tmp_path):
    still = Standstill(tmp_path, waits="none")
    assert still.ask() == "leave"
    assert still.told() == [("leave-alone", "begun")]
    assert not still.requests.exists()


def test_an_answer_is_not_waited_for_without_limit(still, monkeypatch):
    monkeypatch.setattr(checkpoint_before_restart, "SAVED_WITHIN_S", 0.05)
    save(still.folder / LATEST, 3)
    assert still.ask() == "end"  # an epoch is lost, as it would have been without asking
    assert still.told() == [("save-checkpoint", "begun"), ("save-checkpoint", "failed")]


def test_whoever_allows_to_begin_again_may_lose_it(tmp_path):
    assert Standstill(tmp_path, waits="none", from_scratch=True).ask() == "end"


def test_a_training_that_moves_on_meanwhile_is_not_ended(still):
    save(still.folder / LATEST, 2)

    def answer() -> None:
        still.steps += 1

    still.answer = answer
    assert still.ask() == "over"
    assert still.told() == [("save-checkpoint", "begun")]


@pytest.mark.slow
def test_a_disk_that_does_not_answer_holds_nobody_up(still, monkeypatch):
    monkeypatch.setattr(checkpoint_before_restart, "CHECKED_WITHIN_S", 0.2)
    monkeypatch.setattr("holter.supervisor.healing.continuation.newest_good", lambda *_: time.sleep(10))
    began = time.monotonic()
    still.waits = "none"
    assert still.ask() == "leave"
    assert time.monotonic() - began < 8
    assert has(still.said[-1].message, NOT_IN_TIME)


SHARES = """
import sys, time, torch
torch.multiprocessing.set_sharing_strategy("file_system")
kept = torch.zeros(1000).share_memory_()
print("ready", flush=True)
time.sleep(100)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no /dev/shm")
def test_tensors_in_shared_memory_do_not_outlive_a_group_that_is_ended():
    child = subprocess.Popen([sys.executable, "-c", SHARES], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    files = list(Path("/dev/shm").glob(f"torch_{child.pid}_*"))
    assert files
    assert end_group(child, frozenset) == ()
    until = time.monotonic() + 30
    while any(file.exists() for file in files) and time.monotonic() < until:
        time.sleep(0.05)
    assert [file for file in files if file.exists()] == []
