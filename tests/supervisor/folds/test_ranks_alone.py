"""Ranks of a training on several GPUs whose Holter and launcher were killed: their fold is not free."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.errors import AlreadyTraining
from holter.probes.process.lock_holders import spelled
from holter.probes.process.process_files import started
from holter.probes.process.spawned_ranks import VARIABLE, ranks_of
from holter.reports.catalogue import phrase
from holter.study.state.holders import holder_of
from holter.supervisor.folds.fold_lock import FILE, FoldLock, read_fold
from holter.supervisor.launch import INJECT

HOLTER = """
import subprocess, sys
from pathlib import Path
from holter.supervisor.folds.fold_lock import FoldLock
lock = FoldLock(Path(sys.argv[1]))
launcher = subprocess.Popen([sys.executable, sys.argv[2], sys.argv[3]], pass_fds=(lock.fd,))
print(launcher.pid, flush=True)
sys.stdin.read()
"""
# A rank that waits in a collective operation does not see the SIGINT that torch sends when the launcher dies. It has
# data workers: one forked, one spawned, as HOLTER_START_METHOD=spawn does it.
LAUNCHER = """
import multiprocessing, os, signal, sys, time

def worker():
    import batchgenerators
    from _holter_hook.runtime import RUNTIME
    RUNTIME.open("train-worker", 0)
    open(sys.argv[1] + "/spawned-%d" % os.getpid(), "w").close()
    time.sleep(600)

def rank(number):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import batchgenerators
    if os.fork() == 0:
        open(sys.argv[1] + "/forked-%d" % os.getpid(), "w").close()
        time.sleep(600)
    multiprocessing.get_context("spawn").Process(target=worker).start()
    open(sys.argv[1] + "/rank-%d" % os.getpid(), "w").close()
    time.sleep(600)

if __name__ == "__main__":
    import torch.multiprocessing
    torch.multiprocessing.spawn(rank, nprocs=2)
"""


class Scene:
    """A fold, its Holter, a launcher and two ranks with two workers each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fold = folder, folder / "fold_0"
        self.fold.mkdir()
        for name in ("scratch", "said"):
            (folder / name).mkdir(mode=0o700)
        script = folder / "launcher.py"
        script.write_text(LAUNCHER)
        variables = {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(INJECT), os.environ.get("PYTHONPATH")))),
            "HOLTER_SCRATCH": str(folder / "scratch"),
            VARIABLE: spelled(self.fold / FILE),
        }
        self.holter = subprocess.Popen(
            [sys.executable, "-c", HOLTER, str(self.fold), str(script), str(folder / "said")],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.launcher = int(self.holter.stdout.readline())

    def pids(self, kind: str) -> list[int]:
        """The processes of this kind that have begun."""
        return sorted(int(file.name.partition("-")[2]) for file in (self.folder / "said").glob(f"{kind}-*"))

    def kill(self, *pids: int) -> None:
        """Kill them, and wait until they are gone."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(started(pid) is not None for pid in pids):
            time.sleep(0.02)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.kill(scene.launcher, *(pid for kind in ("rank", "forked", "spawned") for pid in scene.pids(kind)))
    scene.holter.kill()
    scene.holter.communicate()


@pytest.mark.slow
def test_ranks_keep_the_fold_of_a_dead_launcher_and_workers_alone_do_not(scene: Scene) -> None:
    until_s = time.monotonic() + 120
    while not all(len(scene.pids(kind)) == 2 for kind in ("rank", "forked", "spawned")):
        assert time.monotonic() < until_s
        time.sleep(0.2)
    ranks = scene.pids("rank")
    assert list(ranks_of(spelled(scene.fold / FILE))) == ranks
    assert ranks_of(spelled(scene.folder / "fold_1" / FILE)) == (), "of another fold"
    scene.holter.kill()
    scene.holter.wait()
    scene.kill(scene.launcher)
    assert all(started(pid) is not None for pid in ranks), "SIGINT has no effect on them"
    assert read_fold(scene.fold).state == "held", "a study must not start it again"
    until_s = time.monotonic() + 20  # the lock of the dead is given up when their last process has closed it
    while f"PID {ranks[0]} on" not in phrase(holder_of(scene.fold, {}), "en"):
        assert time.monotonic() < until_s, phrase(holder_of(scene.fold, {}), "en")
        time.sleep(0.1)
    with pytest.raises(AlreadyTraining, match=f"{ranks[0]}.*{ranks[1]}") as refused:
        FoldLock(scene.fold)
    assert f"kill {ranks[0]} {ranks[1]}" in phrase(refused.value.next_step, "en")
    assert read_fold(scene.fold).state == "held", "also after that"
    scene.kill(ranks[0])
    with pytest.raises(AlreadyTraining):
        FoldLock(scene.fold)
    scene.kill(ranks[1])
    assert scene.pids("forked") and scene.pids("spawned"), "their workers were not ended"
    assert read_fold(scene.fold).state == "left-over"
    FoldLock(scene.fold).close()
