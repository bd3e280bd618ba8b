"""One Holter a fold: refused while the other lives, taken over when it is gone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.errors import AlreadyTraining
from holter.probes.process.process_files import started
from holter.reports.catalogue import phrase
from holter.supervisor.folds.fold_lock import FILE, STALE_S, FoldLock, read_fold
from holter.supervisor.folds.lock import IsHeld, Lock
from holter.supervisor.folds.lock_state import is_held, read, read_state

HOLD = """
import sys
from pathlib import Path
from holter.supervisor.folds.fold_lock import FoldLock
lock = FoldLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """A process that takes the lock, or ends; it lets go when its input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture
def holder(tmp_path: Path):
    process = hold(tmp_path)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_one_is_refused_and_told_who_is_there(tmp_path, holder):
    with pytest.raises(AlreadyTraining, match=str(holder.pid)):
        FoldLock(tmp_path)
    assert (tmp_path / FILE).exists()


@pytest.mark.slow
def test_the_command_that_removes_a_lock_removes_nothing_else(tmp_path):
    """The folder's name has spaces: unquoted, ``rm`` would get four names, the first of them another folder's file."""
    other, folder = tmp_path / "my", tmp_path / "my results 'of May'"
    folder.mkdir()
    other.write_text("precious")
    process = hold(folder)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(AlreadyTraining) as refused:
            FoldLock(folder)
    finally:
        process.kill()
        process.wait()
    _, _, command = phrase(refused.value.next_step, "en").partition("for certain: ")
    subprocess.run(command, shell=True, check=True)
    assert other.exists() and not (folder / FILE).exists()


def test_a_lock_whose_holder_was_killed_is_taken_over(tmp_path, holder):
    holder.kill()
    holder.wait()
    lock = FoldLock(tmp_path)
    assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()
    lock.close()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_another_host_counts_as_long_as_it_is_kept_fresh(tmp_path):
    (tmp_path / FILE).write_text(json.dumps({"host": "elsewhere boot", "pid": 1, "started": 1.0, "token": "x"}))
    with pytest.raises(AlreadyTraining, match="elsewhere"):
        FoldLock(tmp_path)
    old = time.time() - STALE_S - 5
    os.utime(tmp_path / FILE, (old, old))
    FoldLock(tmp_path).close()


def test_a_living_holder_of_this_machine_keeps_it_however_long_it_was_paused(tmp_path, holder):
    old = time.time() - STALE_S - 5
    os.utime(tmp_path / FILE, (old, old))
    with pytest.raises(AlreadyTraining):
        FoldLock(tmp_path)


def test_a_training_that_outlived_its_holter_keeps_the_lock(tmp_path):
    ours = FoldLock(tmp_path)
    training = subprocess.Popen(["sleep", "60"], pass_fds=(ours.fd,))
    ours.close()  # the lock of a Holter that fails while its training lives
    (tmp_path / FILE).write_text(json.dumps({**ours._who(), "pid": 2**22 + 1}))
    with pytest.raises(AlreadyTraining, match="still runs without its Holter") as refused:
        FoldLock(tmp_path)
    assert phrase(refused.value.next_step, "en").startswith(f"holter attach {training.pid} records it")
    training.kill()
    training.wait()
    FoldLock(tmp_path).close()


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}"])
def test_a_lock_that_cannot_be_read_counts_until_it_is_old(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(AlreadyTraining):
        FoldLock(tmp_path)
    old = time.time() - STALE_S - 5
    os.utime(tmp_path / FILE, (old, old))
    FoldLock(tmp_path).close()


def test_of_many_that_come_at_once_one_gets_it(tmp_path):
    (tmp_path / FILE).write_text("left over")
    old = time.time() - STALE_S - 5
    os.utime(tmp_path / FILE, (old, old))
    many = [hold(tmp_path) for _ in range(6)]
    assert sorted(process.stdout.readline() for process in many) == [""] * 5 + ["held\n"]
    for process in many:
        process.communicate()


def test_a_holder_is_known_by_what_no_jump_of_the_clock_changes(tmp_path, holder):
    ticks = Path(f"/proc/{holder.pid}/stat").read_text().rpartition(")")[2].split()[19]
    assert json.loads((tmp_path / FILE).read_text())["started"] == int(ticks)


HAMMER = """
import sys
from pathlib import Path
from holter.supervisor.folds.lock_state import is_held
print("looking", flush=True)
while True:
    is_held(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_those_who_only_look_never_keep_it_from_being_held(tmp_path):
    looking = [
        subprocess.Popen([sys.executable, "-c", HAMMER, str(tmp_path / FILE)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        assert all(process.stdout.readline() == "looking\n" for process in looking)
        for _ in range(200):
            lock = FoldLock(tmp_path)
            assert is_held(tmp_path / FILE)
            with pytest.raises(AlreadyTraining):
                FoldLock(tmp_path)
            lock.close()
    finally:
        for process in looking:
            process.kill()
            process.wait()
    assert not (tmp_path / FILE).exists()


def test_a_lock_may_name_a_second_process_that_goes_on_with_the_work(tmp_path):
    other = subprocess.Popen(["sleep", "60"])
    lock = Lock(tmp_path / FILE, {"fold": "0"})
    lock.add({"training": other.pid, "training_started": started(other.pid)})
    about = read(tmp_path / FILE)
    lock.close()
    assert (about["fold"], about["pid"], about["training"]) == ("0", os.getpid(), other.pid)
    killed = {**about, "pid": 2**22 + 1}  # Holter is gone, its training is not
    (tmp_path / FILE).write_text(json.dumps(killed))
    assert read_state(tmp_path / FILE).state == "held"
    with pytest.raises(IsHeld):
        Lock(tmp_path / FILE)
    other.kill()
    other.wait()
    assert read_state(tmp_path / FILE).state == "left-over"
    Lock(tmp_path / FILE).close()


# A training that inherits the lock and forks a worker, which starts no program.
FORKING = """
import os, sys, time
worker = os.fork()
if worker:
    print(worker, flush=True)
time.sleep(600)
"""
HOLD_AND_TRAIN = """
import subprocess, sys
from pathlib import Path
from holter.supervisor.folds.fold_lock import FoldLock
lock = FoldLock(Path(sys.argv[1]))
child = subprocess.Popen([sys.executable, "-c", sys.argv[2]], pass_fds=(lock.fd,), stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline().strip(), flush=True)
sys.stdin.read()
"""


def test_a_worker_that_a_dead_training_left_keeps_no_fold(tmp_path):
    holter = subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_TRAIN, str(tmp_path), FORKING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    training, worker = map(int, holter.stdout.readline().split())
    try:
        holter.kill()
        holter.wait()
        with pytest.raises(AlreadyTraining):  # it goes on without its Holter, and none of its workers is ended
            FoldLock(tmp_path)
        assert started(training) is not None
        assert started(worker) is not None
        os.kill(training, signal.SIGKILL)
        while started(training) is not None:
            time.sleep(0.02)
        assert read_fold(tmp_path).state == "left-over"  # a study would wait for ever for a "held" one
        lock = FoldLock(tmp_path)
        assert lock.ended == (worker,)
        assert started(worker) is None
        lock.close()
        assert not (tmp_path / FILE).exists()
    finally:
        for pid in (training, worker):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


# A shell's fork that starts a training: the shell was the process that Holter knew.
SHELL_FORKS = """
import os, subprocess, sys, time
if os.fork() == 0:
    training = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], close_fds=False)
    print(os.getpid(), training.pid, flush=True)
time.sleep(600)
"""


def test_a_training_below_the_fork_of_a_dead_shell_is_not_ended(tmp_path):
    program = HOLD_AND_TRAIN.replace("child.stdout.readline().strip()", "*child.stdout.readline().split()")
    holter = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), SHELL_FORKS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    shell, fork, training = map(int, holter.stdout.readline().split())
    try:
        holter.kill()
        holter.wait()
        os.kill(shell, signal.SIGKILL)
        while started(shell) is not None:
            time.sleep(0.02)
        with pytest.raises(AlreadyTraining):
            FoldLock(tmp_path)
        assert started(fork) is not None
        assert started(training) is not None
    finally:
        for pid in (shell, fork, training):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_who_was_stopped_while_another_host_took_the_lock_learns_it(tmp_path, monkeypatch):
    monkeypatch.setattr("holter.supervisor.folds.lock.REFRESH_S", 0.1)
    lock = FoldLock(tmp_path)
    try:
        time.sleep(0.3)
        assert lock.taken_by is None
        (tmp_path / FILE).unlink()  # as another host does with a lock that nobody has refreshed for long
        (tmp_path / FILE).write_text(json.dumps({"host": "node9 boot pid", "pid": 4711, "token": "other"}))
        until_s = time.monotonic() + 10
        while lock.taken_by is None and time.monotonic() < until_s:
            time.sleep(0.05)
        assert lock.taken_by is not None and lock.taken_by["pid"] == 4711
    finally:
        lock.close()
    assert read(tmp_path / FILE)["token"] == "other", "it is another's"
