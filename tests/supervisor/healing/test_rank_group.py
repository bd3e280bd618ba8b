"""nnU-Net's own training on two ranks (``-num_gpus 2``), over gloo on the CPU: one rank fails, and all are restarted.

Only what needs a GPU is replaced: the backend, the device of a rank, and the wrapper of the network. The launcher, the
processes that it spawns, the trainer's collectives, its checkpoints and ``--c`` are nnU-Net's.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.hook.checkpoints.select import newest_good
from holter.records import ActionTaken, Tick
from holter.supervisor.result import RunResult
from holter.supervisor.run import run
from holter.tape import Recording, read
from supervisor.scene import in_epoch_one

pytestmark = [pytest.mark.training, pytest.mark.long]

TRAINERS = Path(__file__).parents[1] / "own_trainer"
# Every spawned rank reads this file again (as ``__mp_main__``) before it runs nnU-Net's function.
COMMAND = f"""#!{sys.executable}
import sys
import torch
from torch import distributed

join = distributed.init_process_group
distributed.init_process_group = lambda backend, **how: join("gloo", **how)
torch.cuda.set_device = lambda device: None

sys.path.insert(0, {str(TRAINERS)!r})
from nnUNetTrainerRanks import nnUNetTrainerRanks
from nnunetv2.run import run_training

# nnU-Net's search imports all trainers, some of which need a torchvision for the GPU.
run_training.recursive_find_trainer_class_by_name = lambda name: nnUNetTrainerRanks

if __name__ == "__main__":
    sys.exit(run_training.run_training_entry())
"""
LIMIT_S = 1500.0  # on a machine that is busy with other things too


class Group:
    """One training of two ranks, and what happened to it."""

    def __init__(self, brain: Prepared, folder: Path) -> None:
        self.folder, self.results, self.tape = folder, folder / "results", folder / "run.holter"
        self.results.mkdir()
        command = folder / "bin" / "nnUNetv2_train"
        command.parent.mkdir()
        command.write_text(COMMAND)
        command.chmod(0o755)
        self.words = (str(command), DATASET_NAME, CONFIGURATION, "0", "-tr", "nnUNetTrainerRanks", "-num_gpus", "2")
        self.variables = {
            **os.environ,
            **brain.environment(),
            "nnUNet_results": str(self.results),
            "nnUNet_n_proc_DA": "1",
            "OMP_NUM_THREADS": "1",
            "HOLTER_CHECKPOINT_EVERY_S": "0",
        }
        self.ranks: tuple[int, ...] = ()

    def play(self, number: signal.Signals) -> RunResult:
        """Send a signal to the second rank in the middle of epoch 1, with a newest checkpoint that is torn."""

        def look(recorder, tick: Tick) -> None:
            ranks = ranks_of(tick)
            if not self.ranks and len(ranks) == 2 and in_epoch_one(tick):
                self.ranks = ranks
                for file in self.folder.rglob("checkpoint_latest.pth"):
                    os.truncate(file, file.stat().st_size // 2)
                os.kill(ranks[1], number)
            if recorder.now_s() > LIMIT_S:  # a hang fails its own test and no more
                for pid in ranks:
                    os.kill(pid, signal.SIGKILL)

        output = self.folder / "output.txt"
        return run(
            self.words, self.tape, variables=self.variables, each_tick=look, quiet_output=output, end_orphans=True,
            heal=True,
        )  # fmt: skip

    def epochs(self) -> list[int]:
        """Return the epochs begun, by nnU-Net's logs."""
        logs = sorted(self.folder.rglob("training_log_*.txt"))
        return [int(number) for log in logs for number in re.findall(r"Epoch (\d+) *$", log.read_text(), re.MULTILINE)]


def ranks_of(tick: Tick) -> tuple[int, ...]:
    """Return the PIDs of the processes that train, in the order of their start."""
    return tuple(sorted(beat.pid for beat in tick.beats if beat.role == "main" and beat.epoch is not None))


def told(recording: Recording, action: str) -> list[str]:
    return [event.state for event in recording.events(ActionTaken) if event.action == action]


def test_a_rank_is_killed_and_all_are_restarted_from_the_newest_checkpoint_that_is_whole(
    brain: Prepared, tmp_path: Path
) -> None:
    group = Group(brain, tmp_path)
    result = group.play(signal.SIGKILL)
    assert result.returncode == 0, group.folder.joinpath("output.txt").read_text()[-3000:]
    assert result.generations == 2
    recording = read(group.tape)
    assert told(recording, "restart") == ["begun", "done"]
    begun = group.epochs()
    assert begun[:2] == [0, 1]
    assert sorted(set(begun)) == [0, 1, 2, 3]
    assert begun.count(2) == begun.count(3) == 1, "only what was lost is repeated"
    (second,) = {ranks_of(tick) for tick in recording.all_ticks if len(ranks_of(tick)) == 2} - {group.ranks}
    assert not set(second) & set(group.ranks), "both ranks are new ones"
    assert not [pid for pid in (*second, *group.ranks) if psutil.pid_exists(pid)]
    fold = next(group.results.rglob("checkpoint_final.pth")).parent
    assert newest_good(fold)[0].name == "checkpoint_final.pth"
