"""Healthy trainings that look strange: a long or short part, a resumed run, an unusual console."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.fault import Fault, Stage
from benchmarks.faults.outside import Outside
from holter.demo.prepare import CONFIGURATION, DATASET_ID, DATASET_NAME

# Console output of a run that died, including Holter's lines in it.
OLD_CONSOLE = """\
2026-01-01 08:00:00.000000: Epoch 0
2026-01-01 08:00:00.000000: Current learning rate: 0.01
2026-01-01 08:02:40.000000: train_loss -0.1234
2026-01-01 08:02:40.000000: Epoch time: 160.0 s
2026-01-01 08:02:41.000000: Epoch 1
Exception in background worker 1:
[Errno 28] No space left on device
Traceback (most recent call last):
  File "/opt/conda/bin/nnUNetv2_train", line 8, in <module>
    sys.exit(run_training_entry())
  File "/opt/conda/lib/python3.11/site-packages/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 1371, \
in run_training
    train_outputs.append(self.train_step(next(self.dataloader_train)))
RuntimeError: One or more background workers are no longer alive. Exiting. Please check the print statements above \
for the actual error message
holter: the disk is full: OSError: [Errno 28] No space left on device
"""
KILLED = "[1]+  Killed                  nnUNetv2_train 801 3d_fullres 0"
HOLTERS_LINES = (
    "holter: the training died: RuntimeError: CUDA error: device-side assert triggered",
    "holter:   because OSError: [Errno 28] No space left on device",
    "holter: Traceback (most recent call last):",
)
# Without a line break at its end.
BAR = " 44%|████▍     | 12/27 [00:10<00:12,  1.21it/s]"
BREAKS = "import sys, time; time.sleep(25); int('fold 2 has a problem of its own')"
FEATURES = (8, 16, 32, 32)  # in 2D; the planned network would take seconds per step here


class AppendAfterCrash(Fault):
    """Slurm's append mode: the file's last lines are a traceback; the start is slow, and nothing is wrong."""

    name = "append-after-crash"
    summary = "the console is appended to that of a run that died; the start takes three minutes"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Write the output of the previous run."""
        (stage.folder / "output.txt").write_text(OLD_CONSOLE)
        return {}


class Continued(Fault):
    """The first epoch of the tape is the third one of the training."""

    name = "continued"
    summary = "a training that goes on from its checkpoint"
    options = ("--c",)
    epochs = 4

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Train two epochs without Holter, and leave a checkpoint to resume from."""
        command = stage.brains.command("--epochs", "2", "--iterations", "10", "--save-every", "1", "--no-validation")
        environment = {**stage.brains.environment(), "nnUNet_results": str(stage.folder / "results")}
        subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
        for final in (stage.folder / "results").glob("Dataset*/*/fold_0/checkpoint_final.pth"):
            final.rename(final.with_name("checkpoint_latest.pth"))
        return {}


class KilledAndContinued(Continued):
    """The console has the shell's message, and a checkpoint exists."""

    name = "killed-and-continued"
    summary = "a run that was killed before is continued with --c, into the same console"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Write the shell's message."""
        (stage.folder / "output.txt").write_text(f"{OLD_CONSOLE}{KILLED}\n")
        return super().prepare(stage)


class ConsoleHidden(Fault):
    """Output is buffered and thrown away, as under nohup or a scheduler."""

    name = "console-hidden"
    summary = "the output goes nowhere"

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Throw the output away."""
        return ["/bin/sh", "-c", 'exec "$0" "$@" > /dev/null 2>&1', *command]


class FoldsInOneLog(Fault):
    """The observed fold is healthy; the output of the others is about them."""

    name = "folds-in-one-log"
    summary = "three folds write into one console file, and one dies of an exception"
    epochs = 3

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Remember the folder."""
        self._folder = stage.folder
        return {}

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Start the others beside it, each under Holter."""
        end = list(command).index("--")
        training = list(command)[end + 1 :]
        second = [word if word != "0" else "1" for word in training]
        others = (("fold-1", second), ("fold-2", [training[0], "-c", BREAKS]))
        lines = [
            f"{shlex.join(self._with_tape(command[:end], name))} -- {shlex.join(words)} &" for name, words in others
        ]
        return ["sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh", *command]

    def _with_tape(self, words: Sequence[str], name: str) -> list[str]:
        tape = str(self._folder / f"{name}.holter")
        return [tape if word.endswith(".holter") else word for word in words]


class OwnLines(Fault):
    """One file has stdout, stderr and lines of another Holter, which watches another fold."""

    name = "own-lines"
    summary = "lines of Holter about errors are in the console file, also behind a progress bar"
    epochs = 3

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Redirect both streams to one file."""
        return ["sh", "-c", 'exec "$@" 2>&1', "sh", *command]

    def inject(self, outside: Outside) -> None:
        """Append lines of another Holter."""
        self.strike()
        with outside.output.open("a") as file:
            file.write("\n".join(HOLTERS_LINES) + f"\n{BAR}{HOLTERS_LINES[1]}\n")


class ScratchDeleted(Fault):
    """As by a clean-up of /tmp. Holter creates the folder again; worth a notice but no alarm."""

    name = "scratch-deleted"
    summary = "Holter's folder below TMPDIR is deleted in mid-run"
    notices = ("scratch-gone",)
    epochs = 4

    def inject(self, outside: Outside) -> None:
        """Delete it."""
        self.strike()
        for folder in (outside.folder / "tmp").glob("holter-*"):
            shutil.rmtree(folder, ignore_errors=True)


class TwoDimensions(Fault):
    """Many small slices per batch: steps and batches differ from those in 3D."""

    name = "two-dimensions"
    summary = "a training of the 2d configuration"
    iterations = 20

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Preprocess it, in a copy."""
        data, variables = stage.copy_data()
        shrink(data / DATASET_NAME / "nnUNetPlans.json")
        tool = Path(sys.executable).parent / "nnUNetv2_preprocess"
        subprocess.run(
            [str(tool), "-d", DATASET_ID, "-c", "2d", "-np", "2", "--no_pbar"],
            env=os.environ | stage.brains.environment() | variables,
            check=True,
            capture_output=True,
        )
        return variables

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Select the other configuration."""
        return ["2d" if word == CONFIGURATION else word for word in command]


def shrink(plans: Path) -> None:
    """Make the planned network small enough for a CPU."""
    content = json.loads(plans.read_text())
    content["configurations"]["2d"]["architecture"]["arch_kwargs"]["features_per_stage"] = list(FEATURES)
    plans.write_text(json.dumps(content, indent=4))


def _lasts(seconds: int) -> dict[str, str]:
    return {"FAULTLAB_LASTS_S": str(seconds)}


LONG_START = {"trainer": "nnUNetTrainerLongStart", "variables": _lasts(170), "limit_s": 420.0}

HEALTHY = (
    partial(AppendAfterCrash, **LONG_START),
    Continued,
    KilledAndContinued,
    ConsoleHidden,
    FoldsInOneLog,
    OwnLines,
    ScratchDeleted,
    TwoDimensions,
    partial(Fault, name="as-usual", summary="a whole training with its final validation", validates=True),
    partial(
        Fault, name="bad-step", summary="one step of an epoch has an infinite loss, and changes nothing",
        trainer="nnUNetTrainerBadStep", epochs=4,  # a GradScaler skips such a step
    ),
    partial(
        Fault, name="big-validation", summary="epochs with 10 steps of training and 80 of validation",
        iterations=10, val_iterations=80,  # steps are faster there, and batches wait longer
    ),
    partial(
        Fault, name="busy-pause", summary="the main thread works for 20 s within one step, as when it compiles",
        trainer="nnUNetTrainerBusyPause",
    ),
    partial(
        Fault, name="epoch-end-computes",
        summary="at the end of each epoch a minute of computing that is no part of nnU-Net",
        trainer="nnUNetTrainerSummary", variables=_lasts(60),
    ),
    partial(
        Fault, name="epoch-end-waits", summary="at the end of each epoch 75 s of waiting that is no part of nnU-Net",
        trainer="nnUNetTrainerReports", variables=_lasts(75), epochs=2, iterations=10, limit_s=600.0,
        notices=("main-stands", "main-goes-on"),  # the place, once: the second time it is known to end
    ),
    partial(Fault, name="long-epoch", summary="one epoch of 150 steps", epochs=1, iterations=150),
    partial(
        Fault, name="long-first-step",
        summary="the first step waits 90 s for a compiler that works in a process of its own",
        trainer="nnUNetTrainerLongFirstStep", variables=_lasts(90),
    ),
    partial(Fault, name="long-start", summary="before the first epoch nothing happens for 170 s", **LONG_START),
    partial(
        Fault, name="rare-class", summary="the pseudo Dice is NaN in every epoch, the loss is a number",
        trainer="nnUNetTrainerRareClass", epochs=4,  # no validation batch holds the class
    ),
    partial(
        Fault, name="slow-checkpoint", summary="each checkpoint takes 12 s", trainer="nnUNetTrainerSlowSave",
        iterations=20,
    ),
    partial(
        Fault, name="stops-early", summary="the trainer ends in order after two of twenty epochs",
        trainer="nnUNetTrainerStopsEarly", epochs=20,
    ),
    partial(
        Fault, name="tiny-epochs", summary="twelve epochs of two steps each", epochs=12, iterations=2,
        val_iterations=1,  # the pauses between steps take longer than the steps
    ),
)  # fmt: skip
