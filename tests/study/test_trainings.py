"""Processes of a queue: what is said of those that could not start, and that none is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from holter.records import Message
from holter.reports.catalogue import phrase
from holter.study.local import Session, Settings
from holter.study.queue import Slot
from holter.study.trainings import Trainings
from study.conftest import World


def test_the_error_of_a_holter_is_a_record_whatever_its_output_says(world: World, tmp_path: Path) -> None:
    (job,) = world.jobs("2d", folds="0")
    trainings = Trainings(tmp_path, ("--no-such-option-of-holter",))
    environ = {**os.environ, **world.environ, "nnUNet_results": "", "HOLTER_LANG": "zh"}
    trainings.start(job, Slot("cpu-0"), environ)
    until_s = time.monotonic() + 60
    while not (over := trainings.ended()):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    assert over == [(job, 2)]
    error = trainings.error(job)
    assert error is not None and error.id is not None and error.id in trainings.console_of(job).read_text()
    assert isinstance(error.what, Message)
    assert trainings.error(job) is None and list(tmp_path.glob("*.error")) == []


def test_the_last_line_of_an_output_is_found(world: World, tmp_path: Path) -> None:
    (job,) = world.jobs("2d", folds="0")
    trainings = Trainings(tmp_path, ())
    assert trainings.last_line(job) == ""
    console = trainings.console_of(job)
    console.write_text("Epoch 3\nholter: epoch 3: 60 s\nTraceback\nKeyError: 'x'\n")
    assert trainings.last_line(job) == "KeyError: 'x'"
    trainings.make_ready(job)
    assert trainings.last_line(job) == "", "the reason of an earlier end is not that of this one"
    with console.open("a") as file:
        file.write("killed\n\n")
    assert trainings.last_line(job) == "killed"


@pytest.mark.slow
def test_three_folds_without_a_usable_checkpoint_stop_the_queue_and_lose_nothing(world: World) -> None:
    for fold in "01234":
        world.fold("2d", fold, "checkpoint_latest.pth")
    said: list[str] = []
    settings = Settings((Slot("cpu-0"),), world.folder / "out", keep_going=True, spacing_s=0.0)
    environ = {**os.environ, **world.environ}
    session = Session(world.cells("2d"), settings, environ, lambda message: said.append(phrase(message, "en")))
    assert session.run() == 1
    assert len(session.queue.aside) == 3 and len(session.queue.left) == 2
    assert {aside.cause for aside in session.queue.aside} == {"no-usable-checkpoint"}
    assert said[-1].startswith("3 trainings ended for the same cause (no-usable-checkpoint)")
    assert all((job.job.folder / "checkpoint_latest.pth").read_text() == "x" for job in session.queue.aside)


def test_a_kill_reaches_everything_that_a_training_has_started(world: World, tmp_path: Path) -> None:
    (job,) = world.jobs("2d", folds="0")
    grandchild = "import subprocess, time; subprocess.Popen(['sleep', '61']); time.sleep(61)"
    trainings = Trainings(tmp_path, ())
    process = subprocess.Popen([sys.executable, "-c", grandchild], start_new_session=True)
    trainings._processes[job.folder] = (job, process)  # holter train itself takes seconds to start
    until_s = time.monotonic() + 20
    while not (children := psutil.Process(process.pid).children()):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    trainings.kill()
    assert process.poll() is not None
    until_s = time.monotonic() + 20
    while any(_lives(child) for child in children):
        assert time.monotonic() < until_s
        time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    # Not every machine has a process that reaps orphans.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
