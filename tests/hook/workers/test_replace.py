"""Workers that die or freeze in the middle of an epoch are replaced there, and the training never knows."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from holter.probes.training.heartbeat import HeartbeatProbe

pytestmark = pytest.mark.training  # of a toy
HEAL = {"HOLTER_HEAL": "workers"}
ENDS = ("ready\ndone\n", "", 0)
SOON_S = 60.0  # a worker is replaced within a second; this is for a machine that is busy with something else


class Toy:
    """A toy training that runs until ``end``."""

    def __init__(self, hooked, folder: Path, wait_until, *arguments, **environment) -> None:
        self.hooked, self.wait_until = hooked, wait_until
        self.flag, self.fault = folder / "go-on", folder / "fault"
        self.flag.touch()
        options = ("--go-on-while", self.flag, "--fault", self.fault, *arguments)
        self.process = hooked.start(hooked.toy, *options, **(HEAL | environment))

    def begin(self):
        self.wait_until(lambda: len(self.workers()) == 2 and self.workers("val-worker"))
        self.steps_on()
        return self

    def workers(self, role: str = "train-worker") -> list[int]:
        with contextlib.closing(HeartbeatProbe(self.hooked.scratch, 0.0)) as probe:
            probe.read(0.0)
        pids = {index: pid for pid, (was, index) in probe.hints().items() if was == role and _state(pid) not in "ZX"}
        return [pids[index] for index in sorted(pids)]

    def ask(self) -> float:
        request = {"number": 1, "generation": 3, "what": "replace-workers", "text": "frozen-worker"}
        (self.hooked.scratch / "control.new").write_text(json.dumps([request]))
        (self.hooked.scratch / "control.new").replace(self.hooked.scratch / "control.json")
        return time.monotonic()

    def told(self, *states: str) -> list[dict]:
        return [line for line in self.hooked.lines("action") if line["state"] in states]

    def ended(self) -> dict[int, dict]:
        return {line["pid"]: line for line in self.hooked.lines("worker-ended")}

    def steps_on(self) -> None:
        def steps() -> int:
            with contextlib.closing(HeartbeatProbe(self.hooked.scratch, 0.0)) as probe:
                beats = probe.read(0.0).samples
            return max(beat.steps_total for beat in beats if beat.role == "main")

        before = steps()
        self.wait_until(lambda: steps() > before + 20, SOON_S)

    def end(self) -> tuple[str, str, int]:
        self.flag.unlink(missing_ok=True)
        out, err = self.process.communicate(timeout=60)
        self.wait_until(lambda: _group(self.process.pid) == [], 5)  # multiprocessing's resource tracker lingers
        return out, err, self.process.returncode


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _group(leader: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] not in "ZX":
            found.append(int(folder.name))
    return found


@pytest.fixture
def toy(hooked, tmp_path, wait_until):
    return lambda *arguments, **environment: Toy(hooked, tmp_path, wait_until, *arguments, **environment)


def test_a_worker_that_dies_is_replaced_and_told_with_its_signal(toy):
    going = toy("--tensors").begin()
    for number, how in enumerate((signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL), 1):
        before = going.workers()
        killed_at = time.monotonic()
        os.kill(before[1], how)
        going.wait_until(lambda number=number: len(going.told("done")) == number, SOON_S)
        done, begun = going.told("done")[-1], going.told("begun")[-1]
        print(f"{how.name}: next batch {done['at'] - killed_at:.2f} s after the kill; {done['text']}")
        assert done["action"] == "replace-workers" and done["generation"] == 3
        assert f"worker 1 (PID {before[1]}) was ended by {how.name}; workers ended: 1, started: 2;" in done["text"]
        assert "the next batch came after" in done["text"]
        assert begun["pids"] == [before[0]]
        going.wait_until(lambda before=before: len(going.workers()) == 2 and not set(before) & set(going.workers()))
        ended = going.ended()
        assert (ended[before[1]]["exit_code"], ended[before[1]]["by_parent"]) == (-how, False)
        assert (ended[before[0]]["by_parent"], ended[before[0]]["expected"]) == (True, True)
    going.steps_on()
    assert going.end() == ENDS
    assert going.told("failed") == []


@pytest.mark.long
def test_spawned_workers_are_replaced_too(toy):
    going = toy("--start", "spawn").begin()
    os.kill(going.workers()[0], signal.SIGKILL)
    going.wait_until(lambda: going.told("done"), 2 * SOON_S)
    going.steps_on()
    assert going.end() == ENDS


def test_the_second_death_for_want_of_memory_halves_the_workers(toy):
    going = toy().begin()
    for number, how in enumerate((signal.SIGKILL, signal.SIGBUS), 1):
        os.kill(going.workers()[0], how)
        going.wait_until(lambda number=number: len(going.told("done")) == number, SOON_S)
    assert "started: 1, before: 2, to need less memory" in going.told("done")[-1]["text"]
    going.steps_on()
    assert len(going.workers()) == 1
    assert going.end() == ENDS


@pytest.mark.parametrize("how_many", [1, 2])
def test_stopped_workers_are_replaced_on_request(toy, how_many):
    going = toy("--tensors").begin()
    stopped = going.workers()[:how_many]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1)  # the other, if there is one, announces more; what the stopped have announced blocks it or not
    asked_at = going.ask()
    going.wait_until(lambda: going.told("done", "failed"), SOON_S)
    done = going.told("done", "failed")[0]
    print(f"{how_many} stopped: next batch {done['at'] - asked_at:.2f} s after the request; {done['text']}")
    assert (done["state"], done["number"]) == ("done", 1)
    assert all(f"(PID {pid}) is stopped" in done["text"] for pid in stopped)
    assert all(going.ended()[pid]["by_parent"] and going.ended()[pid]["expected"] for pid in stopped)
    going.steps_on()
    assert going.end() == ENDS


def test_workers_that_hang_without_being_stopped_are_replaced_on_request(toy):
    going = toy().begin()
    hanging = going.workers()
    going.fault.write_text("hang")
    time.sleep(1)
    going.fault.unlink()
    going.ask()
    going.wait_until(lambda: going.told("done", "failed"), SOON_S)
    assert "s, with all workers alive; workers ended: 2, started: 2" in going.told("done")[0]["text"]
    assert going.told("begun")[0]["pids"] == hanging
    going.steps_on()
    assert going.end() == ENDS


@pytest.mark.long
def test_a_request_that_comes_when_batches_come_again_does_nothing(toy):
    going = toy().begin()
    before = going.workers()
    os.kill(before[0], signal.SIGSTOP)
    os.kill(before[0], signal.SIGCONT)
    going.ask()
    going.wait_until(lambda: going.told("done", "failed"), SOON_S)
    assert [(line["state"], line["number"]) for line in going.told("begun", "done", "failed")] == [("failed", 1)]
    assert "nothing was replaced" in going.told("failed")[0]["text"]
    assert going.workers() == before
    assert going.end() == ENDS


@pytest.mark.sample
def test_workers_that_die_at_any_moment_are_replaced(toy):
    """Mid-write too: these batches are larger than a pipe."""
    going = toy("--most", 100, "--size", 300).begin()
    chance = random.Random(0)
    seconds = []
    for number in range(1, 21):
        time.sleep(chance.random() * 0.1)
        killed_at = time.monotonic()
        os.kill(chance.choice(going.workers()), signal.SIGTERM)  # nothing handles it; no sign of a want of memory
        going.wait_until(lambda number=number: len(going.told("done")) == number, SOON_S)
        seconds.append(going.told("done")[-1]["at"] - killed_at)
        going.wait_until(lambda: len(going.workers()) == 2, SOON_S)
    print(f"20 kills: next batch after {min(seconds):.2f} to {max(seconds):.2f} s, sum {sum(seconds):.1f} s")
    going.steps_on()
    assert going.end() == ENDS
    assert going.told("failed") == []


PROGRAM = """
import os, resource, select, signal, struct, sys, threading, time, toy_training

def fails(message): raise RuntimeError(message)
class Poison:
    def __reduce__(self): return fails, ("CUDA error: unspecified launch failure",)
def poisoned(data): return {"data": Poison() if os.path.exists(sys.argv[1]) else data}

def begin(transform=None):
    toy = toy_training.Toy(None, 300)
    augmenter = toy_training.NonDetMultiThreadedAugmenter(toy, transform, 2, 6, None, False, 0.002)
    next(augmenter)
    return augmenter
def kill(): os.kill(augmenter._processes[0].pid, signal.SIGKILL)
def go_on():
    began = time.monotonic()
    for _ in range(30):
        next(augmenter)
    print("30 batches", time.monotonic() - began < 10)
    augmenter._finish()
"""


@pytest.fixture
def program(hooked):
    def run(text: str, *arguments):
        return hooked.run("-c", PROGRAM + text, *arguments, path=(hooked.toy.parent,), **HEAL)

    return run


def test_what_a_dead_worker_held_does_not_hold_up_its_replacement(program, hooked):
    """Taken here in its name: who does not give it back makes no difference."""
    done = program("""
def hold_the_queue():
    while not augmenter._queue._wlock.acquire(timeout=0.1):
        next(augmenter)  # a worker writes into a full pipe and keeps it as long as nobody takes a batch
def half_a_batch():
    hold_the_queue()
    while not select.select([], [augmenter._queue._writer], [], 0.1)[1]:
        next(augmenter)
    os.write(augmenter._queue._writer.fileno(), struct.pack("!i", 9999) + b"half")
for hold in (
    lambda: augmenter.abort_event._cond._lock.acquire(),
    hold_the_queue,
    half_a_batch,
):
    augmenter = begin()
    hold(); kill(); time.sleep(0.5)
    next(augmenter)
    print(len([one for one in threading.enumerate() if "results_loop" in one.name]), end=" ")
    go_on()
""")
    assert (done.stdout, done.stderr, done.returncode) == ("1 30 batches True\n" * 3, "", 0)
    assert [line["state"] for line in hooked.lines("action")] == ["begun", "done"] * 3


def test_batches_that_were_ready_are_kept_in_their_order(program):
    done = program("""
augmenter = begin(); time.sleep(1)
ready = augmenter.results_loop_queue.queue
for number in range(len(ready)): ready[number] = number
kill(); time.sleep(1)
print([next(augmenter) for _ in range(6)])
go_on()
""")
    assert (done.stdout, done.stderr) == ("[0, 1, 2, 3, 4, 5]\n30 batches True\n", "")


def test_starting_workers_is_tried_again_when_it_fails(program, hooked):
    """Here for want of descriptors, which are free again soon."""
    done = program("""
augmenter = begin()
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
kill(); time.sleep(1)
threading.Timer(1.5, resource.setrlimit, (resource.RLIMIT_NOFILE, limits)).start()
resource.setrlimit(resource.RLIMIT_NOFILE, (4, limits[1]))
next(augmenter)
print("tried again", len(sys.modules["_holter_hook.workers.restart"]._past._replaced) > 1)
go_on()
""")
    assert (done.stdout, done.stderr, done.returncode) == ("tried again True\n30 batches True\n", "", 0)
    assert [line["state"] for line in hooked.lines("action")][-1] == "done"


def test_after_a_cuda_error_new_workers_are_not_tried(program, hooked, tmp_path):
    flag = tmp_path / "flag"
    done = program("augmenter = begin(poisoned); open(sys.argv[1], 'w').close(); go_on()", flag)
    assert done.returncode == 1 and "RuntimeError: CUDA error: unspecified launch failure" in done.stderr
    assert [line["state"] for line in hooked.lines("action")] == ["begun", "failed"]
    assert "new workers do not help after a CUDA error" in hooked.lines("action")[-1]["text"]


def test_frozen_workers_stay_when_too_many_were_replaced_already(toy):
    """What to do next, the supervisor decides: this process can still be asked for a checkpoint."""
    going = toy("--most", 0).begin()
    frozen = going.workers()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    going.ask()
    going.wait_until(lambda: going.told("begun", "failed"), SOON_S)
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    going.steps_on()
    assert going.workers() == frozen
    assert going.end() == ENDS
    assert [(line["state"], line["number"]) for line in going.told("begun", "done", "failed")] == [("failed", 1)]


def test_a_worker_that_raises_at_its_first_batch_is_replaced(toy):
    going = toy()
    going.fault.write_text("one bad case")
    going.begin()
    going.steps_on()
    out, err, code = going.end()
    assert code == 0 and out.endswith("ready\ndone\n") and "one bad case" in out + err
    assert "results_loop" not in err and "no longer alive" not in err
    assert "returned (exit code 0)" in going.told("done")[0]["text"]


def test_when_replacing_does_not_help_the_training_ends_as_without_us(hooked, tmp_path):
    (data := tmp_path / "data").mkdir()
    done = hooked.run(hooked.toy, "--broken-case-in", data, **HEAL)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("RuntimeError: One or more background workers are no longer alive")
    told = [line for line in hooked.lines("action") if line["state"] == "failed"]
    assert "workers were replaced 5 times within an hour already" in told[-1]["text"]
    assert sum(line["state"] == "begun" for line in hooked.lines("action")) == 6


def test_without_the_users_consent_nothing_is_replaced(toy):
    going = toy(HOLTER_HEAL="checkpoints,validation").begin()
    os.kill(going.workers()[0], signal.SIGKILL)
    _, err, code = going.end()
    assert code == 1 and "in results_loop" in err and "no longer alive" in err
    assert going.told("begun", "done", "failed") == []


def test_a_stopped_worker_does_not_hold_up_the_end(toy):
    going = toy("--tensors").begin()
    for pid in going.workers("val-worker"):
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    assert going.end() == ENDS
    assert time.monotonic() - began < 10


def test_a_start_that_failed_answers_the_request_too(program, hooked):
    done = program("""
import json, pathlib
augmenter = begin()
def once():
    del augmenter._start  # the class's own is there again
    raise OSError("no process left")
augmenter._start = once
for process in augmenter._processes: os.kill(process.pid, signal.SIGSTOP)
scratch = pathlib.Path(os.environ["HOLTER_SCRATCH"])
request = {"number": 7, "generation": 3, "what": "replace-workers", "text": "frozen-worker"}
(scratch / "control.new").write_text(json.dumps([request]))
(scratch / "control.new").replace(scratch / "control.json")
for _ in range(30): next(augmenter)
augmenter._finish()
print("done")
""")
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
    answers = [(line["state"], line["number"]) for line in hooked.lines("action")]
    assert answers == [("begun", 7), ("failed", 7), ("done", 7)]
