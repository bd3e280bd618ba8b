"""Read a fold's results folder: its checkpoints and its lock."""

from __future__ import annotations

from pathlib import Path

from holter.doctor.records import Fold
from holter.supervisor.folds.fold_lock import read_lock

CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth", "checkpoint_latest.pth")


def read_fold(folder: Path) -> Fold:
    """Return the checkpoints and the lock of a fold. Its checkpoint size is the largest of all folds of the model."""
    sizes = []
    with_it = [folder, *sorted(folder.parent.glob("fold_*"))] if folder.parent.is_dir() else []
    for place in with_it:
        sizes += [(place / name).stat().st_size for name in CHECKPOINTS if (place / name).is_file()]
    lock, holder = read_lock(folder)
    return Fold(
        folder=str(folder),
        checkpoints=tuple(name for name in CHECKPOINTS if (folder / name).is_file()),
        checkpoint_bytes=max(sizes, default=None),
        lock=lock,
        lock_holder=holder,
    )
