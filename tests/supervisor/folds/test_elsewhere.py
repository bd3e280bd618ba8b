"""The lock of a Holter on another host: waited for while nobody can know, refused once it is heard."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from holter.errors import AlreadyTraining
from holter.records import Message
from holter.supervisor.folds import lock as lock_module
from holter.supervisor.folds.fold_lock import FILE, STALE_S, FoldLock
from holter.supervisor.folds.patience import Asked, Elsewhere, Patience
from study.conftest import World


def lock_of_another_host(folder: Path, age_s: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_text(json.dumps({"host": "node7 boot space", "pid": 7, "started": 1, "token": "x"}) + "\n")
    at = time.time() - age_s
    os.utime(file, (at, at))
    return file


def take(folder: Path, said: list[Message]) -> FoldLock:
    with Patience() as patience:
        return FoldLock(folder, Elsewhere(patience, said.append))


@pytest.mark.slow
def test_a_task_that_was_put_on_another_node_waits_for_the_lock_of_the_dead_one_and_goes_on(tmp_path: Path) -> None:
    lock_of_another_host(tmp_path, STALE_S - 3)
    said: list[Message] = []
    began_s = time.monotonic()
    lock = take(tmp_path, said)
    assert 1.0 < time.monotonic() - began_s < 30
    assert [message.key for message in said] == ["train.waits-for-silent-holder"]
    assert dict(said[0].values)["host"] == "node7" and 0 < dict(said[0].values)["most"] <= 3
    assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()
    lock.close()


@pytest.mark.slow
def test_one_that_lives_is_refused_as_soon_as_it_is_heard_and_keeps_its_lock(tmp_path: Path) -> None:
    file = lock_of_another_host(tmp_path, 20)
    before = file.read_text()
    threading.Timer(1.0, os.utime, (file,)).start()
    began_s = time.monotonic()
    with pytest.raises(AlreadyTraining, match="node7"):
        take(tmp_path, [])
    assert time.monotonic() - began_s < 30 and file.read_text() == before


@pytest.mark.slow
def test_the_lock_of_a_third_one_that_was_faster_is_not_taken(tmp_path: Path) -> None:
    file = lock_of_another_host(tmp_path, STALE_S - 5)
    threading.Timer(1.0, file.write_text, (json.dumps({"host": "node8 b s", "pid": 8, "token": "y"}),)).start()
    with pytest.raises(AlreadyTraining, match="node8"):
        take(tmp_path, [])


@pytest.mark.slow
def test_a_lock_from_the_future_is_taken_once_it_was_silent_for_long_enough(tmp_path: Path, monkeypatch) -> None:
    lock_of_another_host(tmp_path, -365 * 86400.0)
    with pytest.raises(AlreadyTraining):
        FoldLock(tmp_path)  # without patience
    monkeypatch.setattr(lock_module, "STALE_S", 3.0)
    began_s = time.monotonic()
    take(tmp_path, []).close()
    assert 3.0 <= time.monotonic() - began_s < 30


@pytest.mark.slow
def test_a_signal_ends_the_wait_with_the_code_of_a_requeue(tmp_path: Path) -> None:
    file = lock_of_another_host(tmp_path, 0)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    with pytest.raises(Asked) as asked:
        take(tmp_path, [])
    assert asked.value.returncode == 75 and file.exists()
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


@pytest.mark.slow
def test_holter_train_says_what_it_waits_for_and_ends_with_75_when_its_job_is_stopped(world: World) -> None:
    file = lock_of_another_host(world.fold("2d", "0"), 0)
    command = [sys.executable, "-m", "holter", "train", "4", "2d", "0"]
    environ = {**os.environ, **world.environ, "HOLTER_LANG": "en"}
    train = subprocess.Popen(command, cwd=world.folder, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        first = train.stderr.readline()
        assert "Another Holter (PID 7 on node7) may train this fold" in first
        train.send_signal(signal.SIGUSR1)
        assert train.wait(60) == 75
    finally:
        train.kill()
        train.communicate()
    assert "node7" in file.read_text()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
