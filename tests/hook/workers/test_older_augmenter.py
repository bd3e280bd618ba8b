"""The older augmenter, with one queue for each worker, as nnU-Net v1 and its forks use it: watched and healed too."""

from __future__ import annotations

import inspect
import os
import signal
import time

import pytest
from batchgenerators.dataloading import multi_threaded_augmenter as stock
from batchgenerators.dataloading.data_loader import DataLoader, DataLoaderBase, SlimDataLoaderBase
from test_replace import ENDS, HEAL, SOON_S, Toy

from holter.hook.workers.by_shape import is_augmenter, kind_of, waits_alike
from holter.hook.workers.parts import QUEUE_EACH, never_ends

pytestmark = pytest.mark.training  # of a toy


@pytest.fixture
def toy(hooked, tmp_path, wait_until):
    return lambda *arguments, **environment: Toy(
        hooked, tmp_path, wait_until, "--older", *arguments, **environment
    ).begin()


def abilities(hooked) -> set[tuple[str, bool, str]]:
    return {(line["name"], line["can"], line["what"]) for line in hooked.lines("ability")}


def test_a_worker_that_dies_is_replaced_and_told_with_its_signal(toy, hooked):
    going = toy("--tensors")
    for number, how in enumerate((signal.SIGSEGV, signal.SIGKILL), 1):
        before = going.workers()
        os.kill(before[1], how)
        going.wait_until(lambda number=number: len(going.told("done")) == number, SOON_S)
        assert (
            f"worker 1 (PID {before[1]}) was ended by {how.name}; workers ended: 1, started: 2;"
            in going.told("done")[-1]["text"]
        )
        going.wait_until(lambda before=before: len(going.workers()) == 2 and not set(before) & set(going.workers()))
        ended = going.ended()
        assert (ended[before[1]]["exit_code"], ended[before[1]]["by_parent"]) == (-how, False)
        assert (ended[before[0]]["by_parent"], ended[before[0]]["expected"]) == (True, True)
    going.steps_on()
    assert going.end() == ENDS
    assert {("loader", True, "batchgenerators-old"), ("replace-workers", True, "")} <= abilities(hooked)
    assert not [line for line in hooked.lines("note") if line["what"] == "hook-failed"]


@pytest.mark.parametrize("how_many", [1, 2])
def test_stopped_workers_are_replaced_on_request(toy, how_many):
    going = toy("--tensors")
    stopped = going.workers()[:how_many]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1)
    going.ask()
    going.wait_until(lambda: going.told("done", "failed"), SOON_S)
    done = going.told("done", "failed")[0]
    assert (done["state"], done["number"]) == ("done", 1)
    assert all(f"(PID {pid}) is stopped" in done["text"] for pid in stopped)
    going.steps_on()
    assert going.end() == ENDS


def test_workers_that_die_while_they_write_are_replaced(toy):
    going = toy("--most", 100, "--size", 300)
    for number in range(1, 6):
        os.kill(going.workers()[number % 2], signal.SIGTERM)
        going.wait_until(lambda number=number: len(going.told("done")) == number, SOON_S)
        going.wait_until(lambda: len(going.workers()) == 2, SOON_S)
    going.steps_on()
    assert going.end() == ENDS
    assert going.told("failed") == []


def test_what_a_dead_worker_held_does_not_hold_up_its_replacement(hooked):
    done = hooked.run("-c", """
import os, select, signal, struct, time, toy_training
def hold_the_event(): augmenter.abort_event._cond._lock.acquire()
def hold_the_queue():
    while not augmenter._queues[0]._wlock.acquire(timeout=0.1):
        next(augmenter)  # a worker writes into a full pipe
def half_a_batch():
    hold_the_queue()
    while not select.select([], [augmenter._queues[0]._writer], [], 0.1)[1]:
        next(augmenter)
    os.write(augmenter._queues[0]._writer.fileno(), struct.pack("!i", 9999) + b"half")
for hold in (hold_the_event, hold_the_queue, half_a_batch):
    toy = toy_training.Toy(None, 300)
    augmenter = toy_training.MultiThreadedAugmenter(toy, None, 2, 3, None, False, wait_time=0.002)
    next(augmenter)
    hold(); os.kill(augmenter._processes[0].pid, signal.SIGKILL); time.sleep(0.5)
    began = time.monotonic()
    for _ in range(30):
        next(augmenter)
    print(time.monotonic() - began < 10)
    augmenter._finish()
""", path=(hooked.toy.parent,), **HEAL)  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("True\n" * 3, "", 0)
    assert [line["state"] for line in hooked.lines("action")] == ["begun", "done"] * 3


FINITE = """
import sys, toy_training
class Ends(toy_training.Toy):
    def __init__(self):
        super().__init__(None)
        self.infinite, self.indices, self.number_of_threads_in_multithreaded = False, list(range(40)), 2
    def generate_train_batch(self):
        self.get_indices()
        return super().generate_train_batch()
augmenter = toy_training.MultiThreadedAugmenter(Ends(), None, 2, 3, None, False, wait_time=0.002)
"""


def test_data_that_end_are_given_out_once_and_their_end_is_no_error(hooked):
    done = hooked.run(
        "-c", FINITE + "print(len(list(augmenter))); augmenter._finish()", path=(hooked.toy.parent,), **HEAL
    )
    assert (done.stdout, done.stderr, done.returncode) == ("20\n", "", 0)
    assert hooked.lines("exception") == []
    assert ("replace-workers", False, "") in abilities(hooked)


@pytest.mark.parametrize("kind", ["MultiThreadedAugmenter", "NonDetMultiThreadedAugmenter"])
def test_a_results_loop_that_sees_the_workers_end_in_order_is_no_error(hooked, kind):
    """batchgenerators' loop asks for the abort event and then for the workers: on a busy machine they end between."""
    done = hooked.run("-c", f"""
import threading, toy_training
augmenter = toy_training.{kind}(toy_training.Toy(None), None, 2, 3, None, False, wait_time=0.002)
next(augmenter)
asked, ended = threading.Event(), threading.Event()
def is_alive(process=augmenter._processes[0]):
    if threading.current_thread() is threading.main_thread():
        return type(process).is_alive(process)
    asked.set(); ended.wait(20)
    return False
augmenter._processes[0].is_alive = is_alive
asked.wait(20)
threading.Timer(1, ended.set).start()
augmenter._finish()
print("ended")
""", path=(hooked.toy.parent,), **HEAL)  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("ended\n", "", 0)
    assert hooked.lines("exception") == []


def test_a_worker_whose_data_may_end_is_not_replaced(hooked):
    """New workers would begin at the first case again. The program ends with batchgenerators' own words."""
    done = hooked.run("-c", FINITE + """
import os, signal
next(augmenter)
os.kill(augmenter._processes[0].pid, signal.SIGKILL)
list(augmenter)
""", path=(hooked.toy.parent,), **HEAL)  # fmt: skip
    assert done.returncode == 1 and "in results_loop" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("RuntimeError: One or more background workers are no longer alive")
    assert hooked.lines("action") == []


class Random(SlimDataLoaderBase):
    def generate_train_batch(self):
        return {"data": 1}


class Once(SlimDataLoaderBase):
    def generate_train_batch(self):
        return [next(self._data) for _ in range(2)]


class Old(DataLoaderBase):
    def generate_train_batch(self):
        return {"data": 1}


@pytest.mark.parametrize(
    ("loader", "endless"),
    [
        (Random(None, 1), True),
        (Once(iter([]), 1), False),
        (Old(None, 1), False),
        (DataLoader([], 1, infinite=True), True),
        (DataLoader([], 1), False),
        (iter([1, 2]), False),
        ((number for number in range(2)), False),
        (None, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_a_loader_that_cannot_end_may_be_begun_anew(loader, endless):
    assert never_ends(loader) == endless


def test_a_renamed_copy_is_known_by_its_parts():
    source = inspect.getsource(stock).replace("MultiThreadedAugmenter", "TurnAugmenter")
    module: dict = {"__name__": "copy"}
    exec(source, module)
    changed: dict = {"__name__": "changed"}
    before = "return self.pin_memory_queue.get("
    assert before in source
    exec(source.replace(before, "return to_gpu(self.pin_memory_queue).get("), changed)
    assert is_augmenter(module["TurnAugmenter"]) and kind_of(module["TurnAugmenter"]) is QUEUE_EACH
    assert waits_alike(module["TurnAugmenter"]) and not waits_alike(changed["TurnAugmenter"])
