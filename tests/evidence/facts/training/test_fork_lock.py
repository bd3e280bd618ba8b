"""A lock held at the fork, for real: batchgenerators' own augmenter, seen by the real probes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from holter.causes import diagnose
from holter.evidence import chain
from holter.probes.process.process import ProcessProbe
from holter.probes.process.stacks import StackDumper
from holter.records import Diagnosis, Environment, Episode, Role, Tick
from holter.reports.catalogue import phrase
from holter.tape import Recording
from needs import imported, needs

LIBRARY = """
import threading
LOCK = threading.Lock()

def read_case():
    with LOCK:
        return 1.0
"""
# A thread of the main process is within the library when the workers are forked; with "later" it leaves before.
TRAINING = """
import sys, threading, time
import numpy as np
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
import library

class Loader(DataLoader):
    def generate_train_batch(self):
        return {"data": np.full((1, 1), library.read_case())}

if sys.argv[1] == "held":
    library.LOCK.acquire()
augmenter = NonDetMultiThreadedAugmenter(Loader(list(range(4)), 1, infinite=True), None, 2, 1, [1, 2])
print("ready", flush=True)
for _ in range(200):
    next(augmenter)
print("done", flush=True)
time.sleep(60)
"""
LOOKS = 12  # a second apart; how often each process woke is read every five

pytestmark = needs("py-spy")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    imported("batchgenerators")
    (tmp_path / "library.py").write_text(LIBRARY)
    (tmp_path / "training.py").write_text(TRAINING)
    children: list[subprocess.Popen[str]] = []

    def begin(word: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(tmp_path / "training.py"), word]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert children[-1].stdout is not None
        assert children[-1].stdout.readline() == "ready\n"
        return children[-1]

    yield begin
    for child in children:
        for process in (*psutil.Process(child.pid).children(recursive=True), child):
            process.kill()
        child.communicate()


def watched(pid: int) -> Diagnosis:
    """What is said after some seconds of looking."""
    hints: dict[int, tuple[Role, int | None]] = {pid: ("main", None)}
    probe = ProcessProbe(pid, time.clock_gettime(time.CLOCK_BOOTTIME), hints=hints)
    ticks = []
    for look in range(LOOKS):
        workers = [child.pid for child in psutil.Process(pid).children()]
        hints |= {worker: ("train-worker", index) for index, worker in enumerate(sorted(workers))}
        reading = probe.read(float(look))
        ticks.append(Tick(t_s=float(look), processes=reading.samples, events=reading.events))  # type: ignore[arg-type]
        time.sleep(1)
    probe.close()
    stacks = StackDumper().dump({pid: role for pid, (role, _) in hints.items()}, LOOKS - 1.0)
    if not any(dump.rung == "py-spy" for dump in stacks):
        pytest.skip("stacks of other processes may not be read here")
    episode = Episode(kind="stall", phase="train", start_s=0.5, alarm_s=LOOKS - 1.0, subject="training", pid=pid)
    environment = Environment(wall_start="", kernel="6.1", versions=(("batchgenerators", "0.25.5"),))
    recording = Recording(all_ticks=tuple(ticks), all_stacks=stacks, environment=environment)
    return diagnose(recording, episode)


@pytest.mark.slow
@pytest.mark.long
def test_a_lock_held_at_the_fork_is_named_with_the_place_of_the_wait(start) -> None:
    diagnosis = watched(start("held").pid)
    facts = {fact.name: fact for fact in diagnosis.facts}
    assert len(facts["workers.locked"].value) == 2  # type: ignore[arg-type]
    assert str(facts["workers.lock"].value).startswith("read_case (library.py:")
    assert facts["main.waits_on"].value == "batch-queue"
    assert [link.waiter for link in diagnosis.wait_chain][:2] == [chain.MAIN(), chain.BATCH_QUEUE()]
    assert phrase(diagnosis.wait_chain[-1].target, "en").startswith("a lock in read_case")
    best = diagnosis.verdicts[0]
    assert (best.cause, best.verdict) == ("fork-lock-deadlock", "confirmed")


@pytest.mark.slow
def test_workers_that_wait_for_room_in_their_queue_hold_no_lock(start) -> None:
    child = start("free")
    assert child.stdout.readline() == "done\n"  # the training rests, and its workers' queue is full
    facts = {fact.name: fact for fact in watched(child.pid).facts}
    assert facts["workers.locked"].value == ()
