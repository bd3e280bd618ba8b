"""The contents of a results folder: the fold, its logs, checkpoints and descriptions."""

from __future__ import annotations

import contextlib
import fnmatch
import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from holter.errors import NotATraining
from holter.sentences import NOTHING_CHANGED, define

# v2 and v1. A final checkpoint means that all epochs were trained.
CHECKPOINTS = (
    "checkpoint_latest.pth", "checkpoint_best.pth", "checkpoint_final.pth",
    "model_latest.model", "model_best.model", "model_final_checkpoint.model",
)  # fmt: skip
FINAL = ("checkpoint_final.pth", "model_final_checkpoint.model")
SUMMARIES = ("validation/summary.json", "validation_raw/summary.json")
LOGS = "training_log_*.txt*"
# A console kept beside the logs has lines that nnU-Net does not log: exceptions, and messages about kills.
CONSOLES = ("*.out", "*.err", "nohup.out", "console*.txt", "output*.txt")
# Results, data set, trainer, fold: nnU-Net writes no fold deeper.
MAX_DEPTH = 4

NOTHING_OF_NNUNET = define(
    "error.nothing-of-nnunet",
    "There is no training log, checkpoint or debug.json in {folder}, nor in the folders below it.",
)
GIVE_A_FOLD = define(
    "next.give-a-fold", "Give a fold's folder: nnUNet_results/DATASET/TRAINER__PLANS__CONFIGURATION/fold_0"
)


class Checkpoint(NamedTuple):
    """A checkpoint file: name, size in bytes, unix time of its last change."""

    name: str
    size: int
    changed_wall: float


class Fold(NamedTuple):
    """One fold of one training."""

    folder: Path
    logs: tuple[Path, ...]
    consoles: tuple[Path, ...]
    checkpoints: tuple[Checkpoint, ...]
    is_validated: bool
    others: tuple[Path, ...]  # older folds below the given folder

    @property
    def is_trained(self) -> bool:
        """Whether the final checkpoint exists."""
        return any(checkpoint.name in FINAL for checkpoint in self.checkpoints)


def is_done(folder: Path, names: Collection[str] | None = None) -> bool:
    """Return whether the fold in this folder is trained and validated; False if the folder cannot be read.

    ``names``: of what is in the folder, if the caller has listed it.
    """
    with contextlib.suppress(OSError):
        there = os.listdir(folder) if names is None else names  # noqa: PTH208 - names, not paths
        return any(name in there for name in FINAL) and any((folder / name).is_file() for name in SUMMARIES)
    return False


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return the entries of a folder whose names match, as ``Path.glob`` does; none if there is no such folder.

    Raises:  OSError if the folder cannot be read: since Python 3.13 ``Path.glob`` finds nothing there, without a word.
    """
    try:
        return [path for path in folder.iterdir() if fnmatch.fnmatch(path.name, pattern)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def find_fold(folder: Path) -> Fold:
    """Return the fold in this folder, or the most recently written fold below it.

    Raises:  NotATraining, OSError.
    """
    folds = sorted(_folds(folder, 0), key=_changed, reverse=True)
    if not folds:
        raise NotATraining(
            NOTHING_OF_NNUNET(folder=str(folder)),
            safe=NOTHING_CHANGED(),
            next_step=GIVE_A_FOLD(),
        )
    first, *others = folds
    return Fold(
        folder=first,
        logs=tuple(sorted(first.glob(LOGS), key=_changed)),
        consoles=tuple(sorted({path for pattern in CONSOLES for path in first.glob(pattern) if path.is_file()})),
        checkpoints=tuple(_checkpoints(first)),
        is_validated=any((first / name).is_file() for name in SUMMARIES),
        others=tuple(others),
    )


def _folds(folder: Path, depth: int) -> list[Path]:
    if _is_fold(folder):
        return [folder]
    if depth >= MAX_DEPTH:
        return []
    below = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    folds: list[Path] = []
    for path in below:
        try:
            folds += _folds(path, depth + 1)
        except OSError:  # a folder of another user
            continue
    return folds


def _is_fold(folder: Path) -> bool:
    signs = ((folder / name).exists() for name in (*CHECKPOINTS, "debug.json"))
    return any(folder.glob(LOGS)) or any(signs)


def _changed(path: Path) -> float:
    # Time of the last write to a fold or log.
    files = [*path.glob(LOGS), path] if path.is_dir() else [path]
    return max(file.stat().st_mtime for file in files)


def _checkpoints(folder: Path) -> list[Checkpoint]:
    checkpoints: list[Checkpoint] = []
    for name in CHECKPOINTS:
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        checkpoints.append(Checkpoint(name, status.st_size, status.st_mtime))
    return checkpoints
