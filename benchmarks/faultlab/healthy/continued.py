"""A training that resumes from its checkpoint: --c."""

from __future__ import annotations

import os
import subprocess

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.fault import Stage


class Continued(Healthy):
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


SCENARIO = Continued
