"""Create images, fingerprint, plan and preprocessed data for the demo, with nnU-Net's own commands, in one folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from holter.errors import DemoFailed, MissingExtra
from holter.install import extra_line
from holter.sentences import NOTHING_WRITTEN, define

NOT_IMPORTABLE = define("error.demo.not-importable", "The demo needs {names}, which {python} cannot import.")
CANNOT_START = define("error.demo.cannot-start", "Cannot start {command}: {error}")
COMMAND_FAILED = define("error.demo.command-failed", "{command} ended with exit code {code}:\n{output}")
OWN_FOLDERS_UNTOUCHED = define("safe.own-folders-untouched", "Your own nnU-Net folders were not touched.")

DATASET_ID = "801"
DATASET_NAME = "Dataset801_HolterBrain"
CONFIGURATION = "3d_fullres"
CASES = 10  # two of them are validation cases of a fold
PROCESSES = "2"  # the smallest machine that trains has two cores

# nnU-Net would plan a patch of 64 voxels and 32 to 320 features: seconds per step on a CPU. These values give about a
# tenth of a second per step, so that an epoch takes seconds and one lost step is visible.
PATCH = (40, 40, 40)
BATCH = 2
FEATURES = (8, 16, 32)
CONVOLUTIONS = 1  # per stage

WORKERS = "3"  # one can be frozen or killed and others remain; nnU-Net uses no more than there are CPUs
EXPORT_PROCESSES = "2"  # stock starts eight, and each imports torch: a minute on two cores

TAIL_LINES = 15  # of a failed command's output: the last frames of a traceback
MARKER = "prepared.json"
FORMAT = 1  # increased when the preparation changes, so that an old folder is prepared again

Stage = Literal["images", "fingerprint", "planning", "preprocessing"]
Progress = Callable[[Stage, int, "int | None"], None]  # stage, done, of how many (None: not known)

# Lines that nnunetv2 prints when a stage starts.
_STAGE_LINES: tuple[tuple[str, Stage], ...] = (
    ("Fingerprint extraction", "fingerprint"),
    ("Experiment planning", "planning"),
    ("Preprocessing...", "preprocessing"),
)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A folder in which a training can start immediately."""

    folder: Path
    dataset: str = DATASET_ID
    dataset_name: str = DATASET_NAME
    configuration: str = CONFIGURATION
    cases: int = CASES

    @property
    def raw(self) -> Path:
        return self.folder / "nnUNet_raw"

    @property
    def preprocessed(self) -> Path:
        return self.folder / "nnUNet_preprocessed"

    @property
    def results(self) -> Path:
        return self.folder / "nnUNet_results"

    def environment(self) -> dict[str, str]:
        """Return the variables to add to ``os.environ`` for the training."""
        return {
            "nnUNet_raw": str(self.raw),
            "nnUNet_preprocessed": str(self.preprocessed),
            "nnUNet_results": str(self.results),
            "nnUNet_n_proc_DA": WORKERS,
            "nnUNet_def_n_proc": EXPORT_PROCESSES,
            # Three workers and a network share few cores: thread pools in each would only compete.
            "OMP_NUM_THREADS": "1",
        }

    def command(self, *options: str, fold: str = "0") -> list[str]:
        """Return the command of the shortened training on this folder's data."""
        module = "holter.trainer.shortened"
        return [sys.executable, "-m", module, self.dataset, self.configuration, fold, *options]


def prepare(folder: Path, cases: int = CASES, progress: Progress | None = None) -> Prepared:
    """Generate images in ``folder``, and plan and preprocess them with nnU-Net; reuse a complete folder.

    Raises:  DemoFailed with the last lines of a command that failed, MissingExtra if nnU-Net or nilearn is missing.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    prepared = Prepared(folder=folder.absolute(), cases=cases)
    if _is_complete(prepared):
        return prepared
    _check_installed()
    for place in (prepared.raw, prepared.preprocessed):
        shutil.rmtree(place / DATASET_NAME, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
    prepared.results.mkdir(exist_ok=True)
    environment = os.environ | prepared.environment()
    _make_images(prepared, environment, tell)
    _plan_and_preprocess(environment, tell)
    shrink_plan(prepared.preprocessed / DATASET_NAME / "nnUNetPlans.json")
    (prepared.folder / MARKER).write_text(json.dumps(_marker(cases)) + "\n")
    return prepared


def _marker(cases: int) -> dict[str, int]:
    return {"format": FORMAT, "cases": cases}


def _is_complete(prepared: Prepared) -> bool:
    try:
        if json.loads((prepared.folder / MARKER).read_text()) != _marker(prepared.cases):
            return False
    except (OSError, ValueError):
        return False
    images = (prepared.preprocessed / DATASET_NAME).glob(f"nnUNetPlans_{CONFIGURATION}/*[0-9].b2nd")
    return sum(1 for _ in images) == prepared.cases


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("nnunetv2", "nilearn", "nibabel") if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            NOT_IMPORTABLE(names=tuple(missing), python=sys.executable),
            safe=NOTHING_WRITTEN(),
            next_step=extra_line("demo"),
        )


def _make_images(prepared: Prepared, environment: dict[str, str], tell: Progress) -> None:
    tell("images", 0, prepared.cases)

    def read(line: str) -> None:
        if match := re.match(r"case (\d+)/(\d+)", line):
            tell("images", int(match[1]), int(match[2]))

    command = [
        sys.executable,
        "-m",
        "holter.demo.dataset",
        "--out",
        str(prepared.raw),
        "--cases",
        str(prepared.cases),
    ]
    _run(command, environment, read)


def _plan_and_preprocess(environment: dict[str, str], tell: Progress) -> None:
    def read(line: str) -> None:
        for sentence, stage in _STAGE_LINES:
            if line.startswith(sentence):
                tell(stage, 0, None)

    # Next to the interpreter, not from PATH: another environment's nnU-Net may come first there.
    command = [
        str(Path(sys.executable).parent / "nnUNetv2_plan_and_preprocess"),
        "-d",
        DATASET_ID,
        "--no_pbar",
    ]
    command += ["-c", CONFIGURATION, "-np", PROCESSES, "-npfp", PROCESSES, "--verify_dataset_integrity"]
    _run(command, environment, read)


def _run(command: list[str], environment: dict[str, str], read: Callable[[str], None]) -> None:
    # The command is always terminated when Holter leaves this function.
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        child = subprocess.Popen(
            command,
            env=environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        what = CANNOT_START(command=command[0], error=error.strerror or str(error))
        raise DemoFailed(what, next_step=extra_line("demo")) from error
    try:
        assert child.stdout is not None
        for line in child.stdout:
            tail.append(line.rstrip())
            read(line)
        code = child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
    if code:
        raise DemoFailed(
            COMMAND_FAILED(command=Path(command[0]).name, code=code, output="\n".join(tail)),
            safe=OWN_FOLDERS_UNTOUCHED(),
            next_step=" ".join(command),
        )


def shrink_plan(file: Path) -> None:
    """Make the planned network and patch small enough for a CPU; the preprocessed images do not change."""
    plans: dict[str, Any] = json.loads(file.read_text())
    configuration = plans["configurations"][CONFIGURATION]
    configuration["patch_size"] = list(PATCH)
    configuration["batch_size"] = BATCH
    stages = len(FEATURES)
    configuration["architecture"]["arch_kwargs"] |= {
        "n_stages": stages,
        "features_per_stage": list(FEATURES),
        "kernel_sizes": [[3, 3, 3]] * stages,
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        "n_conv_per_stage": [CONVOLUTIONS] * stages,
        "n_conv_per_stage_decoder": [CONVOLUTIONS] * (stages - 1),
    }
    file.write_text(json.dumps(plans, indent=4) + "\n")
