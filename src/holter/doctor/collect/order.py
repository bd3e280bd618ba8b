"""What the doctor is to examine, within which time, and with which Python."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from holter.doctor.records import Asked
from holter.errors import BadInput
from holter.sentences import define

BUDGET_S = 60.0
QUESTION_S = 10.0
READS_S = 4.0
FOLDER_S = 12.0
GPU_S = 12.0

NO_PYTHON = define("error.no-python", "{option} is not a Python that can be run.")


class Limits(NamedTuple):
    """The seconds that each part may take, and which parts are done.

    The question comes first, then folders and GPUs together, then files.
    """

    question_s: float = QUESTION_S
    folder_s: float = FOLDER_S
    gpu_s: float = GPU_S
    reads_s: float = READS_S  # of a folder's speed
    whole_s: float = float("inf")  # until folders and GPUs must have answered
    software: bool = True  # imports torch
    files: bool = True

    @property
    def is_quick(self) -> bool:
        """Whether a scheduler waits for the answer."""
        return self.whole_s < float("inf")


# Less than ten seconds together, also where nothing answers.
QUICK = Limits(question_s=6.0, folder_s=6.0, gpu_s=6.0, reads_s=0.0, whole_s=8.5, software=False, files=False)


class Order(NamedTuple):
    """What to examine, and the roots to read from."""

    asked: Asked
    python: str
    environ: Mapping[str, str]
    budget_s: float = BUDGET_S
    proc: Path = Path("/proc")
    root: Path = Path("/")
    sys: Path = Path("/sys")
    shm: Path = Path("/dev/shm")
    limits: Limits = Limits()


def training_python(option: str | None, environ: Mapping[str, str]) -> str:
    """Return the training's interpreter: the given one, else that of the active environment, else Holter's own.

    Raises:  BadInput if it cannot be run.
    """
    if option is not None:
        inside = Path(option) / "bin" / "python" if Path(option).is_dir() else Path(option)
        path = str(inside.absolute()) if inside.exists() else shutil.which(option, path=environ.get("PATH", ""))
        if path is None or not os.access(path, os.X_OK):
            raise BadInput(NO_PYTHON(option=option), next_step="holter doctor --python /path/to/bin/python")
        return path
    command = shutil.which("nnUNetv2_train", path=environ.get("PATH", ""))
    beside = Path(command).parent / "python" if command else None
    if beside is not None and beside.exists():
        return str(beside)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        inside = Path(environ.get(name) or "/nowhere") / "bin" / "python"
        if inside.exists():
            return str(inside)
    return sys.executable
