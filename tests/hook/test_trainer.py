"""The trainer's classes under the hook: overrides count once, and the object stays what it was."""

from __future__ import annotations

import json

import pytest

# A stand-in for nnU-Net's module with the same names, so that the wrapping is tested in milliseconds; the real
# trainer runs in test_real_training.py.
TRAINER = """
import inspect
class nnUNetTrainer(object):
    def __init__(self, plans, configuration, fold, device="cpu"):
        self.kwargs = sorted(inspect.signature(self.__init__).parameters)
        self.current_epoch, self.num_epochs, self.log_file = 0, 2, "log.txt"
        self.network = self.dataloader_train = None
    def on_train_start(self): pass
    def on_train_epoch_start(self): pass
    def train_step(self, batch): return batch * 2
    def on_validation_epoch_start(self): pass
    def validation_step(self, batch): return batch
    def on_epoch_end(self):
        self.save_checkpoint("latest.pth")
        self.current_epoch += 1
    def save_checkpoint(self, filename): pass
    def on_train_end(self): self.save_checkpoint("final.pth")
    def run_training(self):
        self.on_train_start()
        for _ in range(self.current_epoch, self.num_epochs):
            self.on_train_epoch_start()
            assert self.train_step(21) == 42
            self.on_validation_epoch_start()
            self.validation_step(1)
            self.on_epoch_end()
        self.on_train_end()
"""
PROGRAM = """
import copy, json, pickle
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class Mine(nnUNetTrainer):
    def __init__(self, plans, configuration, fold, device="cpu"):
        super().__init__(plans, configuration, fold, device)
        self.num_epochs = 1
    def on_train_epoch_start(self): super().on_train_epoch_start()
    def save_checkpoint(self, filename):
        super().save_checkpoint(filename)
        if BREAK: raise OSError("disk full")
trainer = Mine({}, "3d", 0)
twin = copy.deepcopy(pickle.loads(pickle.dumps(trainer)))
print(json.dumps([trainer.kwargs, sorted(vars(trainer)), twin.run_training.__self__ is twin]))
trainer.run_training()
"""


@pytest.fixture
def stand_in(tmp_path):
    folder = tmp_path / "nnunetv2" / "training" / "nnUNetTrainer"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent, folder.parent.parent):
        (package / "__init__.py").touch()
    (folder / "nnUNetTrainer.py").write_text(TRAINER)
    return tmp_path


def test_lines_that_end_an_epoch_are_progress_and_those_at_the_start_are_not(hooked, stand_in):
    """On a busy file server each takes seconds; at the start they would be taken for quick steps."""
    program = """
from _holter_hook.runtime import RUNTIME
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class Tells(nnUNetTrainer):
    def print_to_log_file(self, *args): pass
    def on_train_start(self): self.tell()
    def on_train_epoch_start(self): self.tell()
    def on_epoch_end(self): self.tell()
    def tell(self):
        before = RUNTIME.page.progress_total
        self.print_to_log_file("x"), self.print_to_log_file("y")
        print(RUNTIME.phase(), RUNTIME.page.progress_total - before)
trainer = Tells({}, "3d", 0)
trainer.num_epochs = 1
trainer.on_train_start(), trainer.on_train_epoch_start(), trainer.on_validation_epoch_start(), trainer.on_epoch_end()
"""
    done = hooked.run("-c", program, path=(stand_in,))
    assert (done.stdout, done.stderr) == ("startup 0\ntrain 0\nepoch-end 2\n", "")


def test_phases_follow_the_trainer_and_an_override_counts_once(hooked, stand_in):
    done = hooked.run("-c", "BREAK = False\n" + PROGRAM, path=(stand_in,))
    assert (done.returncode, done.stderr) == (0, "")
    assert [(line["phase"], line["epoch"]) for line in hooked.lines("phase")] == [
        ("startup", None),
        ("train", 0),
        ("validate", 0),
        ("epoch-end", 0),
        ("checkpoint", 0),
        ("epoch-end", 0),
        ("shutdown", 1),
        ("checkpoint", 1),
        ("shutdown", 1),
    ]
    assert [line["file"] for line in hooked.lines("checkpoint")] == ["latest.pth", "final.pth"]
    assert [(line["what"], line["ok"]) for line in hooked.lines("finished")] == [("run_training", True)]
    assert hooked.lines("note") == []


def test_a_step_is_no_end_of_an_epoch_whatever_the_loop_tells(hooked, stand_in):
    """A trainer with a loop of its own: a step that hangs would be taken for a wait between two steps."""
    program = """
from _holter_hook.runtime import RUNTIME
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class Loops(nnUNetTrainer):
    def train_step(self, batch): print(RUNTIME.phase(), RUNTIME.page.epoch)
    validation_step = train_step
    def run_training(self):
        self.on_train_epoch_start()
        for _ in range(2):
            self.train_step(1), self.train_step(2)
            self.on_epoch_end()
        self.validation_step(1)
Loops({}, "3d", 0).run_training()
"""
    done = hooked.run("-c", program, path=(stand_in,))
    assert (done.stdout.split("\n"), done.stderr) == (["train 0"] * 2 + ["train 1"] * 2 + ["validate 2", ""], "")


def test_nothing_is_added_to_the_trainer_and_its_signature_and_copies_survive(hooked, stand_in):
    outputs = [hooked.run("-c", "BREAK = False\n" + PROGRAM, path=(stand_in,), hook=hook) for hook in (True, False)]
    with_hook, without = (json.loads(output.stdout) for output in outputs)
    assert with_hook == without
    assert with_hook[0] == ["configuration", "device", "fold", "plans"]
    assert with_hook[2] is True


def test_a_checkpoint_that_fails_is_told_and_its_exception_reaches_the_training(hooked, stand_in):
    done = hooked.run("-c", "BREAK = True\n" + PROGRAM, path=(stand_in,))
    assert done.returncode == 1 and done.stderr.endswith("OSError: disk full\n")
    assert [line["ok"] for line in hooked.lines("checkpoint")] == [False]
    assert [line["ok"] for line in hooked.lines("finished")] == [False]
    assert [(line["error"], line["message"]) for line in hooked.lines("finished")] == [("OSError", "disk full")]
    assert [line["error"] for line in hooked.lines("exception")] == ["OSError"]


LOSSES = """
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class OnGpu:
    is_cuda = True
    def __float__(self): print("the CPU waited for the GPU")
class Lost(nnUNetTrainer):
    losses = [float("nan"), 0.5, OnGpu()]
    def train_step(self, batch): return {"loss": self.losses[batch]}
trainer = Lost({}, "3d", 0)
for step in range(3):
    trainer.train_step(step)
"""


def test_a_loss_is_looked_at_from_the_first_step_on_and_never_fetched_from_a_gpu(hooked, stand_in):
    done = hooked.run("-c", LOSSES, path=(stand_in,))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [line["finite"] for line in hooked.lines("loss")] == [False, True]
