"""Safe checkpoints under the hook: real torch, real files, real kills, and once a real nnU-Net training."""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.hook.checkpoints.select import newest_good, prepare_to_continue, verify
from needs import imported, require

imported("torch")

pytestmark = pytest.mark.training  # of a toy

FINAL, LATEST, PREVIOUS, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "latest.previous", "best"))
HEAL = {"HOLTER_HEAL": "checkpoints", "HOLTER_CHECKPOINT_EVERY_S": "0", "HOLTER_VERSION": "9.8"}

# A stand-in with nnU-Net's names that saves the same kind of content and trains on random numbers in milliseconds.
TRAINER = """
import os, random, sys, time
import numpy as np
import torch
class nnUNetTrainer(object):
    def __init__(self, folder, epochs, width=64, epoch_s=0.0):
        self.output_folder, self.num_epochs, self.current_epoch, self.save_every = folder, epochs, 0, 50
        self.disable_checkpointing, self.local_rank, self.is_ddp = False, 0, False
        self.network, self.dataloader_train, self.dataloader_val = torch.nn.Linear(width, width), None, None
        self.optimizer = torch.optim.SGD(self.network.parameters(), 0.01, momentum=0.99)
        self.epoch_s, self.seen, self.best = epoch_s, [], None
    def on_train_start(self):
        random.random(), np.random.rand(), torch.rand(1)  # as making loaders does
    def run_training(self):
        self.on_train_start()
        for _ in range(self.current_epoch, self.num_epochs):
            self.on_train_epoch_start()
            self.train_step(None)
            self.on_epoch_end()
        self.on_train_end()
    def on_train_epoch_start(self): pass
    def train_step(self, batch):
        time.sleep(self.epoch_s)
        self.seen.append((random.random(), float(np.random.rand())))
        self.optimizer.zero_grad()
        self.network(torch.rand(4, self.network.in_features)).square().mean().backward()
        self.optimizer.step()
    def on_epoch_end(self):
        if (self.current_epoch + 1) % self.save_every == 0:
            self.save_checkpoint(os.path.join(self.output_folder, "checkpoint_latest.pth"))
        if self.best is None:
            self.best = 1.0
            self.save_checkpoint(os.path.join(self.output_folder, "checkpoint_best.pth"))
        self.current_epoch += 1
    def save_checkpoint(self, filename):
        if self.local_rank != 0: return
        torch.save({
            "network_weights": self.network.state_dict(), "optimizer_state": self.optimizer.state_dict(),
            "current_epoch": self.current_epoch + 1, "logging": {"seen": self.seen}, "_best_ema": self.best,
            "init_args": {}, "trainer_name": type(self).__name__, "grad_scaler_state": None,
        }, filename)
    def load_checkpoint(self, filename):
        loaded = torch.load(filename, map_location="cpu", weights_only=False)
        self.network.load_state_dict(loaded["network_weights"])
        self.optimizer.load_state_dict(loaded["optimizer_state"])
        self.current_epoch, self.seen = loaded["current_epoch"], loaded["logging"]["seen"]
        self.best = loaded["_best_ema"]
    def on_train_end(self):
        self.current_epoch -= 1
        self.save_checkpoint(os.path.join(self.output_folder, "checkpoint_final.pth"))
        self.current_epoch += 1
        if os.path.isfile(os.path.join(self.output_folder, "checkpoint_latest.pth")):
            os.remove(os.path.join(self.output_folder, "checkpoint_latest.pth"))
    def perform_actual_validation(self, save_probabilities=False): pass
"""
# Importing torch takes seconds, so one process has done it, hook and all; each program is a child of it that goes on
# as a main process of its own. A line of JSON asks for one; its PID and then its exit code come back.
NURSERY = """
import ctypes, json, os, sys, time
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
import _holter_hook.runtime, _holter_hook.available_memory
import _holter_hook.checkpoints.snapshots, _holter_hook.checkpoints.select
torch.set_num_threads(1)
weight = torch.zeros(1, requires_grad=True)
weight.grad = torch.zeros(1)
torch.optim.SGD([weight]).step()  # the first one imports more
for line in sys.stdin:
    order = json.loads(line)
    if (child := os.fork()) == 0:
        break
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
for number, name in ((1, "out"), (2, "err")):
    os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
os.environ.update(order["settings"])
_holter_hook.runtime.RUNTIME.scratch = order["scratch"]
folder = order["folder"]
if order["disk"]:
    mount = "mount --make-rprivate / && mount -t tmpfs -o size=400k tmpfs " + folder
    if ctypes.CDLL(None).unshare(0x20000) or os.system(mount):
        sys.exit(NO_DISK)
exec(order["program"])
"""
NO_DISK = 77


class Nursery:
    """The process that has torch loaded."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY.replace("NO_DISK", str(NO_DISK))],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip

    def order(self, **order) -> int:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def wait(self) -> int:
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def nursery(hooked_in, tmp_path_factory):
    root = tmp_path_factory.mktemp("nursery")
    package = root / "nnunetv2" / "training" / "nnUNetTrainer"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "nnUNetTrainer.py").write_text(TRAINER)
    nursery = Nursery(root, hooked_in(root).environment(path=(root,), **HEAL))
    nursery.root = root
    yield nursery
    nursery.process.communicate(timeout=60)


class Train:
    """``train(program)``: run a program with the stand-in trainer and a folder for its results."""

    def __init__(self, nursery: Nursery, hooked, folder: Path) -> None:
        self.nursery, self.hooked, self.folder = nursery, hooked, folder
        self.files = {"out": str(folder.parent / "out"), "err": str(folder.parent / "err")}

    def start(self, program: str, disk: bool = False, **settings: str) -> int:
        places = {"folder": str(self.folder), "scratch": str(self.hooked.scratch), **self.files}
        return self.nursery.order(program=program, settings=HEAL | settings, disk=disk, **places)

    def wait(self) -> subprocess.CompletedProcess[str]:
        code = self.nursery.wait()
        return subprocess.CompletedProcess((), code, *(Path(self.files[name]).read_text() for name in ("out", "err")))

    def __call__(self, program: str, **settings: str) -> subprocess.CompletedProcess[str]:
        self.start(program, **settings)
        return self.wait()


@pytest.fixture
def train(nursery, hooked, tmp_path) -> Train:
    (tmp_path / "results").mkdir()
    return Train(nursery, hooked, tmp_path / "results")


@pytest.fixture
def on_small_disk(train):
    """Like ``train``, in a file system of 400 kB of its own."""
    require("root")

    def run(program: str) -> subprocess.CompletedProcess[str]:
        train.start(DISK + program, disk=True)
        if (done := train.wait()).returncode == NO_DISK:
            pytest.skip(f"no file system of our own here: {done.stderr.strip()}")
        return done

    run.hooked = train.hooked
    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def actions(hooked, action: str = "save-checkpoint") -> list[tuple[str, str]]:
    return [(line["state"], line["text"]) for line in hooked.lines("action") if line["action"] == action]


def is_told(hooked, text: str) -> bool:
    return any(state == "done" and text in told for state, told in actions(hooked))


def test_each_epoch_is_saved_and_the_generation_before_is_kept(train):
    done = train("t = nnUNetTrainer(folder, 4, epoch_s=0.2)\n"
                 "t.on_train_end = lambda: sys.exit(3)\nt.run_training()")  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert names(train.folder) == sorted([BEST, LATEST, PREVIOUS])
    found = {name: verify(train.folder / name) for name in names(train.folder)}
    assert all(checkpoint.ok and checkpoint.holter_version == "9.8" for checkpoint in found.values())
    # The last epoch is followed by the final checkpoint at once, so it gets no other.
    assert [found[name].current_epoch for name in (BEST, PREVIOUS, LATEST)] == [1, 2, 3]
    told = actions(train.hooked)
    assert [state for state, _ in told] == ["done"] * 4
    assert told[-1][1].startswith(f"epoch 2 in {LATEST}: held up 0.") and told[-1][1].endswith(", verified")
    assert [Path(line["file"]).name for line in train.hooked.lines("checkpoint")] == [BEST, *[LATEST] * 3]
    assert train.hooked.lines("note") == []


def test_at_the_end_there_is_what_stock_leaves(train):
    done = train("nnUNetTrainer(folder, 3).run_training()\nprint(torch.save.__module__, torch.load.__module__)")
    assert (done.returncode, done.stderr) == (0, "")
    assert names(train.folder) == [BEST, FINAL]
    assert verify(train.folder / FINAL).current_epoch == 3
    assert done.stdout == "torch.serialization torch.serialization\n"


def test_without_the_power_nothing_is_different(hooked, nursery, tmp_path):
    program = f"""
import os, torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
nnUNetTrainer({str(tmp_path)!r}, 3).run_training()
"""
    done = hooked.run("-c", program, path=(nursery.root,), **HEAL | {"HOLTER_HEAL": "workers"})
    assert (done.returncode, sorted(path.name for path in tmp_path.glob("*.pth"))) == (0, [BEST, FINAL]), done.stderr
    assert verify(tmp_path / FINAL).holter_version is None
    assert actions(hooked) == [] and len(hooked.lines("checkpoint")) == 2


def test_stock_continues_from_our_checkpoint_without_the_hook(train):
    train("t = nnUNetTrainer(folder, 3)\nt.on_train_end = lambda: None\nt.run_training()")
    program = f"""
import sys
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
t = nnUNetTrainer({str(train.folder)!r}, 4)
t.load_checkpoint({str(train.folder / LATEST)!r})
t.run_training()
print(t.current_epoch, "_holter_hook" in sys.modules)
"""
    done = train.hooked.run("-c", program, path=(train.nursery.root,), hook=False)
    assert (done.stdout, done.returncode) == ("4 False\n", 0), done.stderr


def test_it_is_saved_when_the_time_has_come_and_not_before(train):
    train("t = nnUNetTrainer(folder, 6, epoch_s=0.4)\nt.run_training()", HOLTER_CHECKPOINT_EVERY_S="1")
    saved = [text for _, text in actions(train.hooked) if LATEST in text]
    assert 1 <= len(saved) <= 2
    train("t = nnUNetTrainer(folder, 6, epoch_s=0.1)\nt.save_every = 2\nt.run_training()", HOLTER_CHECKPOINT_EVERY_S="")
    stock = [text for _, text in actions(train.hooked) if LATEST in text][len(saved) :]
    assert [text.partition(" in ")[0] for text in stock] == ["epoch 1", "epoch 3", "epoch 5"]


def test_random_numbers_and_weights_continue_to_the_bit(train):
    end = "\nt.run_training()\nimport hashlib, pickle\nweights = t.network.weight.detach().numpy().tobytes()\n"
    end += "print(hashlib.sha256(weights).hexdigest(), t.seen)"
    seed = "import random, numpy; random.seed(1); numpy.random.seed(1); torch.manual_seed(1)\n"
    straight = train(seed + "t = nnUNetTrainer(folder, 5)" + end).stdout
    shutil.rmtree(train.folder), train.folder.mkdir()
    train(seed + "t = nnUNetTrainer(folder, 5)\nt.num_epochs = 3\nt.on_train_end = lambda: None\nt.run_training()")
    continued = train(f't = nnUNetTrainer(folder, 5)\nt.load_checkpoint(os.path.join(folder, "{LATEST}"))' + end)
    assert continued.stdout == straight and straight, continued.stderr
    assert train.hooked.lines("note") == []


def test_who_reads_a_checkpoint_right_after_saving_it_finds_it(train):
    done = train("""
class Mine(nnUNetTrainer):
    def save_checkpoint(self, filename):
        super().save_checkpoint(filename)
        loaded = torch.load(filename, weights_only=False)
        loaded["mine"] = self.current_epoch
        torch.save(loaded, filename)
        torch.save(1, filename + ".other")
t = Mine(folder, 3)
t.on_train_end = lambda: None
t.run_training()
print(torch.load(os.path.join(folder, "checkpoint_latest.pth"), weights_only=False)["mine"])
""")
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert verify(train.folder / LATEST).ok and f"{LATEST}.other" in names(train.folder)


def test_with_too_little_memory_for_a_snapshot_it_is_written_at_once(train):
    done = train("""
from _holter_hook import available_memory
available_memory.available_bytes = lambda: 0
t = nnUNetTrainer(folder, 3)
t.on_train_end = lambda: print(sorted(os.listdir(folder)))
t.run_training()
""")
    assert done.stdout == f"{sorted([BEST, LATEST, PREVIOUS])}\n", done.stderr
    assert newest_good(train.folder) == (train.folder / LATEST, [])


def test_other_threads_and_files_use_torch_as_it_is(train):
    done = train("""
import io, threading
t = nnUNetTrainer(folder, 2)
def elsewhere(): torch.save(torch.zeros(2), os.path.join(folder, "checkpoint_latest.pth.mine"))
real = nnUNetTrainer.save_checkpoint.__wrapped__
state_dict = t.network.state_dict
def with_others():
    thread = threading.Thread(target=elsewhere); thread.start(); thread.join()
    buffer = io.BytesIO(); torch.save([1], buffer); assert buffer.tell()
    return state_dict()
t.network.state_dict = with_others
t.run_training()
print(torch.load(os.path.join(folder, "checkpoint_latest.pth.mine")))
""")
    assert done.stdout == "tensor([0., 0.])\n", done.stderr


def ask(hooked, number: int, what: str) -> None:
    new = hooked.scratch / "control.new"
    new.write_text(json.dumps([{"number": number, "generation": 3, "what": what, "text": "test"}]))
    new.replace(hooked.scratch / "control.json")


def test_a_checkpoint_is_saved_and_the_training_ended_on_request(train, wait_until):
    train.start("""
class Loader:
    def _finish(self): print("loader finished")
t = nnUNetTrainer(folder, 1000, epoch_s=0.2)
t.dataloader_train = t.dataloader_val = Loader()
t.run_training()
""", HOLTER_CHECKPOINT_EVERY_S="600", HOLTER_STOP_EXIT_CODE="85")  # fmt: skip
    wait_until(lambda: (train.folder / BEST).exists())
    ask(train.hooked, 1, "checkpoint")
    wait_until(lambda: [line for line in train.hooked.lines("action") if line["number"] == 1][1:])
    assert verify(train.folder / LATEST).ok
    ask(train.hooked, 2, "stop")
    done = train.wait()
    assert (done.returncode, done.stdout, done.stderr) == (85, "loader finished\n" * 2, "")
    (begun, done) = [line for line in train.hooked.lines("action") if line["number"] == 2]
    assert (begun["action"], begun["state"], done["state"]) == ("stop", "begun", "done")
    epoch = verify(train.folder / LATEST).current_epoch
    assert done["text"] == f"after epoch {epoch - 1}, which is in {LATEST}"


def test_all_ranks_end_together_when_one_was_asked(train):
    imported("torch").distributed.is_gloo_available() or pytest.skip("torch without gloo")
    done = train("""
from _holter_hook.checkpoints.snapshots import STATE
import torch.distributed as dist
rank = 0 if (child := os.fork()) else 1
dist.init_process_group("gloo", init_method="file://" + folder + "/meet", rank=rank, world_size=2)
t = nnUNetTrainer(folder, 100)
t.is_ddp, t.local_rank, t.device = True, rank, "cpu"
def on_train_epoch_start():
    if t.current_epoch == 3 and rank == 0: STATE.wanted["stop"] = 5
t.on_train_epoch_start = on_train_epoch_start
try:
    t.run_training()
finally:
    if rank == 0: print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), t.current_epoch, flush=True)
""", HOLTER_STOP_EXIT_CODE="9")  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (9, ["9 4"]), done.stderr
    assert [line["text"] for line in train.hooked.lines("action") if line["action"] == "stop"] == [
        f"after epoch 3, which is in {LATEST}"
    ]
    assert verify(train.folder / LATEST).current_epoch == 4


def test_all_ranks_take_part_in_a_save_and_one_writes(train):
    imported("torch").distributed.is_gloo_available() or pytest.skip("torch without gloo")
    done = train("""
import datetime
import torch.distributed as dist
rank = 0 if (child := os.fork()) else 1
dist.init_process_group(
    "gloo", init_method="file://" + folder + "/meet", rank=rank, world_size=2, timeout=datetime.timedelta(seconds=20)
)
saved = []
class Gathers(nnUNetTrainer):
    def save_checkpoint(self, filename):
        dist.barrier()  # as one does that keeps a part of the optimizer in every rank
        saved.append(self.current_epoch + 1)
        super().save_checkpoint(filename)
t = Gathers(folder, 4)
t.is_ddp, t.local_rank, t.device = True, rank, "cpu"
t.on_train_end = lambda: None
t.run_training()
dist.barrier()
if rank == 0: os.waitpid(child, 0)
os.write(1, f"{rank} {saved}\\n".encode())  # in one piece: print writes the end of a line apart
""")
    assert sorted(done.stdout.splitlines()) == ["0 [1, 1, 2, 3]", "1 [1, 1, 2, 3]"], done.stderr
    assert verify(train.folder / LATEST).current_epoch == 3
    assert {state for state, _ in actions(train.hooked)} == {"done"}


def test_the_random_numbers_of_the_first_rank_are_not_given_to_the_others(train):
    done = train("""
import random
t = nnUNetTrainer(folder, 3)
t.on_train_end = lambda: None
t.run_training()
for rank in (0, 1):
    t = nnUNetTrainer(folder, 3)
    t.local_rank = rank
    random.seed(rank)
    before = random.getstate()
    t.load_checkpoint(os.path.join(folder, "checkpoint_latest.pth"))
    print(random.getstate() == before)
""")
    assert done.stdout == "False\nTrue\n", done.stderr


def test_random_numbers_of_the_gpu_continue_too(train):
    if not imported("torch").cuda.is_available():
        pytest.skip("no GPU: the states of its random number generators cannot be made")
    done = train("""
t = nnUNetTrainer(folder, 3)
t.on_train_end = lambda: None
torch.rand(3, device="cuda")
t.run_training()
expected = torch.rand(5, device="cuda").tolist()
torch.rand(7, device="cuda")
t.load_checkpoint(os.path.join(folder, "checkpoint_latest.pth"))
print(torch.rand(5, device="cuda").tolist() == expected)
""")
    assert done.stdout == "True\n", done.stderr
    assert train.hooked.lines("note") == []


# --------------------------------------------------------------------------------------------------------- kills

KILLED = """
t = nnUNetTrainer(folder, 100000, width=700)
t.best = 1.0
if source:
    t.load_checkpoint(source)
t.run_training()
"""
KILLS = 10  # more of them: benchmarks/survival


def is_another(file: Path, before: int) -> bool:
    return file.exists() and file.stat().st_ino != before


def test_whenever_it_is_killed_a_verified_checkpoint_no_older_than_told_is_left(train, wait_until):
    draw, source, epoch, torn_temporaries = random.Random(7), "", 0, 0
    for kill in range(KILLS):
        before = train.folder.joinpath(LATEST).stat().st_ino if source else 0
        child = train.start(f"source = {source!r}\n" + KILLED)
        wait_until(functools.partial(is_another, train.folder / LATEST, before), 60)
        time.sleep(draw.uniform(0, 0.06))
        os.kill(child, signal.SIGKILL)
        assert train.wait().returncode == -signal.SIGKILL
        torn_temporaries += any(name.endswith(".holter-tmp") for name in names(train.folder))
        told = [text for state, text in actions(train.hooked) if state == "done"]
        good, bad = newest_good(train.folder)
        assert good == train.folder / LATEST and bad == [], kill
        reached = verify(good).current_epoch
        assert reached > epoch and reached - 1 >= max((int(text.split()[1]) for text in told), default=0)
        assert prepare_to_continue(train.folder).used == good
        assert {LATEST} <= set(names(train.folder)) <= {LATEST, PREVIOUS}
        source, epoch = str(good), reached
    assert torn_temporaries > KILLS // 5  # many kills did hit a write


# --------------------------------------------------------------------------------------------------------- disks


DISK = """
from _holter_hook import available_memory
from _holter_hook.checkpoints import select, snapshots
from pathlib import Path
drain = snapshots.STATE.background.drain
snapshots.FINAL_WAITS_S = (0.1, 0.1)
def fill():
    drain()
    with open(os.path.join(folder, "filler"), "wb", 0) as file:
        try:
            while file.write(bytes(4096)): pass
        except OSError: pass
def empty(): os.unlink(os.path.join(folder, "filler"))
def show():
    drain()
    print([(path.name, select.verify(path).current_epoch) for path in sorted(Path(folder).glob("check*"))])
class At(nnUNetTrainer):
    def on_train_epoch_start(self): drain(); self.at.get(self.current_epoch, lambda: None)()
    def on_train_end(self): self.at.get("end", lambda: None)(); super().on_train_end()
t = At(folder, 5, width=100)
"""


def test_on_a_full_disk_the_old_ones_stay_and_it_is_tried_again_at_the_next_epoch(on_small_disk):
    done = on_small_disk(
        "t.at = {2: fill, 3: show, 4: lambda: (show(), empty()), 'end': show}\nt.run_training()\nshow()"
    )
    assert done.returncode == 0, done.stderr
    lines = [dict(eval(line)) for line in done.stdout.splitlines()]
    assert lines[0] == lines[1] == {BEST: 1, LATEST: 2, PREVIOUS: 1}
    assert lines[3] == {BEST: 1, FINAL: 5}
    failed = [text for state, text in actions(on_small_disk.hooked) if state == "failed"]
    kept = "No space left on device; the checkpoint of epoch 1 is kept"
    assert failed == [f"epoch {epoch} in {LATEST}: {kept}" for epoch in (2, 3)]
    notes = [line["text"] for line in on_small_disk.hooked.lines("note") if line["what"] == "checkpoint-failed"]
    assert notes == failed


def test_on_a_full_disk_the_written_straight_ones_say_so_too(on_small_disk):
    done = on_small_disk("""
from _holter_hook import available_memory
available_memory.available_bytes = lambda: 0
t.at = {1: fill, 3: lambda: (show(), empty())}
t.run_training()
show()
""")
    assert done.returncode == 0, done.stderr
    assert dict(eval(done.stdout.splitlines()[0])) == {BEST: 1, LATEST: 1}
    failed = [text for state, text in actions(on_small_disk.hooked) if state == "failed"]
    assert len(failed) == 2 and all("No space left on device" in text for text in failed)


def test_a_finished_training_waits_for_room_and_then_fails_as_stock_would(on_small_disk):
    done = on_small_disk("t.at = {'end': fill}\nt.run_training()")
    assert done.returncode == 1 and done.stderr.endswith("OSError: [Errno 28] No space left on device\n")
    states = [state for state, text in actions(on_small_disk.hooked) if FINAL in text]
    assert states == ["failed"] * 3
    done = on_small_disk("""
import threading
snapshots.FINAL_WAITS_S = (1.5, 1.5)
t.at = {'end': lambda: (fill(), threading.Timer(0.5, empty).start())}
t.run_training()
show()
""")
    assert done.stdout == f"[('{BEST}', 1), ('{FINAL}', 5)]\n", done.stderr


def test_a_disk_that_becomes_read_only_does_not_end_the_training(on_small_disk):
    done = on_small_disk("""
remount = lambda how: lambda: (show(), os.system(f"mount -o remount,{how} '{folder}'"))
t.at = {2: remount("ro"), 4: remount("rw")}
t.run_training()
show()
""")
    assert done.returncode == 0, done.stderr
    before, during, after = (dict(eval(line)) for line in done.stdout.splitlines())
    assert before == during == {BEST: 1, LATEST: 2, PREVIOUS: 1} and after == {BEST: 1, FINAL: 5}
    failed = [text for state, text in actions(on_small_disk.hooked) if state == "failed"]
    assert failed[0] == f"epoch 2 in {LATEST}: Read-only file system; the checkpoint of epoch 1 is kept"


# ------------------------------------------------------------------------------------------------ a real training


@pytest.mark.long
@pytest.mark.training
def test_a_killed_training_of_nnunet_continues_to_the_bit(brain, shortened_command, hooked_in, tmp_path, wait_until):
    """Killed in its third epoch and continued; with one thread, equal to the training that was left alone."""
    options = ["--epochs", "4", "--iterations", "3", "--val-iterations", "1", "--no-validation", "--seed", "5"]
    command = shortened_command(*options)[1:]
    weights = []
    for name in ("straight", "killed"):
        (tmp_path / name).mkdir()
        hooked = hooked_in(tmp_path / name)
        settings = brain.environment() | HEAL | {"nnUNet_results": str(tmp_path / name), "nnUNet_n_proc_DA": "0"}
        process = hooked.start(*command, **settings)
        if name == "killed":
            wait_until(functools.partial(is_told, hooked, f"epoch 1 in {LATEST}"), 90)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            (folder,) = (tmp_path / name).glob("Dataset*/*/fold_0")
            assert prepare_to_continue(folder).used == folder / LATEST
            process = hooked.start(*command, "--c", **settings)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
        (folder,) = (tmp_path / name).glob("Dataset*/*/fold_0")
        assert verify(folder / FINAL).current_epoch == 4
        assert not (folder / LATEST).exists() and not (folder / PREVIOUS).exists()
        assert hooked.lines("note") == []
        weights.append(folder / FINAL)
    import torch

    straight, continued = (torch.load(path, weights_only=False) for path in weights)
    for name, tensor in straight["network_weights"].items():
        assert torch.equal(tensor, continued["network_weights"][name]), name
    assert straight["logging"]["train_losses"] == continued["logging"]["train_losses"]
