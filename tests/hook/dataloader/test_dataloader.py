"""PyTorch's DataLoader is watched without a change to the program, and its workers are replaced within the epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from holter.texts.secondary_errors import reports_dataloader_worker

pytestmark = pytest.mark.training  # of a toy
TOY = Path(__file__).with_name("toy_loader.py")
KILL, STOP = [[5, 0, "kill"]], [[5, 1, "stop"]]
# One process runs them all: starting PyTorch takes longer than any of them.
HEALED: dict[str, dict[str, Any]] = {
    "killed": {"faults": KILL},
    "stopped": {"faults": STOP},
    "two-at-once": {"faults": [[5, 0, "stop"], [5, 1, "kill"]]},
    "crashed": {"faults": [[5, 0, "segv"]]},
    "unordered": {"faults": KILL, "options": {"in_order": False}},
    "batch-sampler": {"faults": KILL, "pairs": True},
    "worker-init": {"faults": KILL, "init": True},
    "subclass": {"faults": KILL, "loader": "init"},
    "another-thread": {"faults": KILL, "thread": True},
    "time-limit": {"faults": KILL, "options": {"timeout": 60}},
    "nested": {"faults": KILL, "nested": True},
    "persistent": {"faults": KILL, "epochs": 2, "options": {"persistent_workers": True}},
    "between-epochs": {"faults": [[20, 0, "kill"]], "epochs": 2, "options": {"persistent_workers": True}},
    "file-system": {"faults": STOP, "sharing": "file_system"},
    "random": {"faults": KILL, "random": True},
}
REFUSED: dict[str, dict[str, Any]] = {
    "iterable": {"faults": KILL, "dataset": "stream", "sharing": "file_descriptor"},
    "changed": {"faults": KILL, "loader": "changed"},
}
OTHERS: dict[str, dict[str, Any]] = {
    "healthy": {},
    "left-early": {"faults": [[5, 0, "stop"]], "leave_at": 5},
    "raises": {"raises_at": 30},
    "exits-each-time": {"exits_at": 30},
}
TRAININGS = {**HEALED, **OTHERS, **REFUSED}
BATCHES = [list(range(first, first + 4)) for first in range(0, 80, 4)]


class Played(NamedTuple):
    """What each training printed, and all that the hook recorded."""

    results: dict[str, dict[str, Any]]
    lines: list[dict[str, Any]]

    def told(self, name: str, kind: str) -> list[dict[str, Any]]:
        result = self.results[name]
        return [
            line for line in self.lines if line["kind"] == kind and result["began"] <= line["at"] <= result["ended"]
        ]


def play(hooked, trainings: dict[str, dict[str, Any]], **environment: str) -> Played:
    done = hooked.run(TOY, json.dumps(list(trainings.values())), "100", **environment)
    assert done.returncode == 0, done.stderr
    printed = map(json.loads, done.stdout.splitlines())
    return Played(dict(zip(trainings, printed, strict=True)), hooked.lines())


@pytest.fixture(scope="module")
def played(hooked_in, tmp_path_factory):
    return play(hooked_in(tmp_path_factory.mktemp("loader")), TRAININGS, HOLTER_HEAL="workers")


@pytest.mark.parametrize("name", HEALED)
def test_workers_are_replaced_and_every_batch_comes_once(played, name):
    result = played.results[name]
    assert "error" not in result, result["error"]
    expected = [batch[::-1] for batch in BATCHES] if name == "batch-sampler" else BATCHES
    order = sorted(result["order"]) if name == "unordered" else result["order"]
    assert order == expected * TRAININGS[name].get("epochs", 1)
    told = [line["state"] for line in played.told(name, "action")]
    assert told[:2] == ["begun", "done"]
    assert "failed" not in told


@pytest.mark.parametrize("name", ["killed", "stopped", "two-at-once", "crashed", "file-system", "subclass"])
def test_the_batches_are_those_of_an_undisturbed_run(played, name):
    assert played.results[name]["sha"] == played.results["healthy"]["sha"]


def test_new_workers_do_not_repeat_random_numbers(played):
    assert played.results["random"]["distinct"] == 80


def test_it_is_told_which_worker_and_what_was_done(played):
    said = next(line["text"] for line in played.told("killed", "action") if line["state"] == "done")
    assert "worker 0" in said
    assert "was ended by SIGKILL; workers ended: 1, started: 2, batches asked for again:" in said
    assert "is stopped" in played.told("stopped", "action")[0]["text"]


def test_a_healthy_training_and_an_early_end_need_nothing(played):
    for name in ("healthy", "left-early"):
        assert "error" not in played.results[name]
        assert played.told(name, "action") == []
    assert played.results["left-early"]["ended"] - played.results["left-early"]["began"] < 60


def test_an_error_of_a_sample_reaches_the_program_and_is_recorded_with_the_sample(played):
    assert played.results["raises"]["error"].startswith("ValueError: Caught ValueError in DataLoader worker process")
    recorded = played.told("raises", "exception")
    assert [(line["role"], line["case"]) for line in recorded] == [("train-worker", "Slices[30]")]
    assert played.told("raises", "action") == []


def test_a_sample_that_ends_its_worker_each_time_is_given_up_with_pytorchs_own_words(played):
    assert "exited unexpectedly" in played.results["exits-each-time"]["error"]
    assert played.told("exits-each-time", "action")[-1]["state"] == "failed"


@pytest.mark.parametrize("name", REFUSED)
def test_a_loader_that_cannot_be_healed_is_left_alone_and_the_reason_told(played, name):
    assert played.results[name]["error"]  # PyTorch's own, or that of a broken connection
    assert played.told(name, "action") == []
    reason = {
        "iterable": "Stream are not replaced: the position in an IterableDataset would be lost",
        "changed": "Slices are not replaced: Changed changes how a DataLoader works",
    }[name]
    said = [line["text"] for line in played.told(name, "note")]
    assert said == ["workers of the DataLoader of " + reason]


def test_the_hook_itself_did_not_fail_and_leaves_no_files_open(played):
    assert [line for line in played.lines if line.get("what") == "hook-failed"] == []
    counts = [result["fds"] for result in played.results.values()]
    assert max(counts) - min(counts) < 40


def test_without_healing_nothing_is_changed(hooked):
    played = play(hooked, {"healthy": {}, "killed": {"faults": KILL}})
    assert played.results["healthy"]["order"] == BATCHES
    assert "error" in played.results["killed"]  # of PyTorch, or of the broken connection
    assert played.told("killed", "action") == []
    ended = [line for line in played.told("killed", "worker-ended") if not line["by_parent"]]
    assert [(line["worker_index"], line["exit_code"]) for line in ended] == [(0, -9)]
    phases = [(line["phase"], line["epoch"]) for line in played.lines if line["kind"] == "phase"]
    assert phases[:2] == [("train", 0), ("epoch-end", 0)]


@pytest.mark.long
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_not_forked_are_replaced_too(hooked, method):
    options = {"multiprocessing_context": method}
    played = play(hooked, {"killed": {"faults": KILL, "options": options}}, HOLTER_HEAL="workers")
    assert played.results["killed"]["order"] == BATCHES
    assert [line["state"] for line in played.told("killed", "action")] == ["begun", "done"]


def test_the_thread_that_pins_memory_is_replaced_too(hooked):
    faults = {"killed": {"faults": KILL, "pin": True}, "stopped": {"faults": STOP, "pin": True}}
    played = play(hooked, faults, HOLTER_HEAL="workers")
    for name in faults:
        assert played.results[name]["order"] == BATCHES
        assert [line["state"] for line in played.told(name, "action")] == ["begun", "done"]


def test_pytorchs_error_on_a_dead_worker_is_an_echo_of_the_workers_end(hooked):
    played = play(hooked, {"killed": {"faults": KILL}})
    ended = [line for line in played.lines if line["kind"] == "worker-ended" and line["exit_code"] == -9]
    assert [line["by_parent"] for line in ended] == [False]
    assert reports_dataloader_worker("DataLoader worker (pid 3531) is killed by signal: Killed. ")
    assert reports_dataloader_worker("DataLoader worker (pid(s) 7, 12) exited unexpectedly")
    assert not reports_dataloader_worker("Caught ValueError in DataLoader worker process 1.")


STARTS = """
import os, signal
import torch
from torch.utils.data import DataLoader

def loader(**options):
    return DataLoader(torch.arange(40), 4, num_workers=2, **options)
"""
LEAVES = """
kept = iter(loader(persistent_workers=True))
next(kept)
os.kill(kept._workers[0].pid, signal.SIGSTOP)
print("leaving", flush=True)
"""
IN_TURNS = """
first, second = iter(loader()), iter(loader())
for number, (batch, other) in enumerate(zip(first, second)):
    assert batch.tolist() == other.tolist() == list(range(4 * number, 4 * number + 4))
    if number == 2:
        os.kill(first._workers[0].pid, signal.SIGSTOP)
        os.kill(second._workers[1].pid, signal.SIGKILL)
print("batches:", number + 1)
"""


@pytest.mark.parametrize(("program", "printed"), [(LEAVES, "leaving\n"), (IN_TURNS, "batches: 10\n")])
def test_a_program_ends_with_a_stopped_worker_and_two_loaders_are_healed_at_once(hooked, program, printed):
    done = hooked.run("-c", STARTS + program, HOLTER_HEAL="workers")
    assert (done.stdout, done.returncode) == (printed, 0), done.stderr
