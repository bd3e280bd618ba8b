"""The trainer of nnU-Net v1 and its copies under other names: phases, epochs and iterations are recorded."""

from __future__ import annotations

import pytest

from holter.probes.training.heartbeat import HeartbeatProbe

pytestmark = pytest.mark.training  # of a toy

# As in nnunet/training/network_training/network_trainer.py, without a network.
TRAINER = """
class NetworkTrainer(object):
    def __init__(self, deterministic=True, fp16=False):
        self.epoch, self.max_num_epochs, self.num_batches_per_epoch, self.num_val_batches_per_epoch = 0, 2, 3, 2
        self.output_folder = "/results"
    def initialize(self, training=True): pass
    def print_to_log_file(self, *args): pass
    def save_checkpoint(self, fname, save_optimizer=True): pass
    def run_training(self):
        next(self.tr_gen); next(self.val_gen)
        while self.epoch < self.max_num_epochs:
            for _ in range(self.num_batches_per_epoch):
                self.run_iteration(self.tr_gen, True)
            for _ in range(self.num_val_batches_per_epoch):
                self.run_iteration(self.val_gen, False, True)
            self.on_epoch_end()
            self.epoch += 1
        self.save_checkpoint("model_final_checkpoint.model")
    def on_epoch_end(self): return True
    def run_iteration(self, data_generator, do_backprop=True, run_online_evaluation=False):
        next(data_generator)
        return 0.5
    def validate(self): pass
"""
PROGRAM = """
import os, sys, time
from forknet.network_trainer import NetworkTrainer
import toy_training
class Own(NetworkTrainer):
    def __init__(self, fold):
        super().__init__(False)
        self.fold = fold
    def run_training(self):
        return super().run_training()
    def run_iteration(self, data_generator, do_backprop=True, run_online_evaluation=False):
        loss = super().run_iteration(data_generator, do_backprop, run_online_evaluation)
        return loss * (float("nan") if self.epoch else 1)
trainer = Own(1)
toys = [toy_training.Toy(None) for _ in range(2)]
trainer.tr_gen, trainer.val_gen = (
    toy_training.MultiThreadedAugmenter(toy, None, 1, 2, None, False, wait_time=0.002) for toy in toys
)
trainer.initialize()
trainer.run_training()
print("trained", flush=True)
trainer.validate()
trainer.tr_gen._finish(), trainer.val_gen._finish()
while os.path.exists(sys.argv[1]):
    time.sleep(0.05)
"""


def test_phases_epochs_and_iterations_are_recorded(hooked, tmp_path, wait_until):
    (tmp_path / "forknet").mkdir()
    (tmp_path / "forknet/__init__.py").touch()
    (tmp_path / "forknet/network_trainer.py").write_text(TRAINER)
    (tmp_path / "program.py").write_text(PROGRAM)
    (flag := tmp_path / "flag").touch()
    process = hooked.start(tmp_path / "program.py", flag, path=(tmp_path, hooked.toy.parent))
    probe = HeartbeatProbe(hooked.scratch, 0.0)
    wait_until(lambda: any(line["what"] == "perform_actual_validation" for line in hooked.lines("finished")))
    beat = next(sample for sample in probe.read(0.0).samples if sample.role == "main")
    info = probe.main_info()
    flag.unlink()
    assert process.communicate() == ("trained\n", "") and process.returncode == 0
    once = ["train", "validate", "epoch-end"]
    assert [line["phase"] for line in hooked.lines("phase")] == [
        "startup", *once, *once, "checkpoint", "epoch-end", "shutdown", "final-validation", "shutdown",
    ]  # fmt: skip
    assert (beat.epoch, beat.steps_total) == (1, 2 + 2 * (3 + 2))  # one batch of each loader is taken before
    assert [line["epoch"] for line in hooked.lines("loss")] == [1]
    assert (info["trainer"], info["fold"], info["num_epochs"], info["train_iterations"]) == ("Own", 1, 2, 3)
    assert "output_folder" not in info
    assert [line["file"] for line in hooked.lines("checkpoint")] == ["model_final_checkpoint.model"]
    assert not [line for line in hooked.lines("note") if line["what"] == "hook-failed"]


def test_a_module_of_that_name_without_such_a_trainer_is_left_alone(hooked, tmp_path):
    (tmp_path / "network_trainer.py").write_text("class Trainer:\n    def run_training(self): pass\n")
    program = "import network_trainer as n; n.Trainer().run_training(); print(n.Trainer.run_training)"
    done = hooked.run("-c", program, path=(tmp_path,))
    assert done.returncode == 0 and "_watched" not in done.stdout
    assert hooked.lines() == []
