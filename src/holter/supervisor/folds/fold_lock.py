"""One Holter a fold. Every process of the training holds the lock, too.

Where Holter alone was killed, nobody begins beside the training that goes on.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from holter.errors import AlreadyTraining, FolderNotWritable
from holter.supervisor.folds.lock import STALE_S, IsHeld, Lock
from holter.supervisor.folds.lock_state import host_of, look

__all__ = ["FILE", "STALE_S", "FoldLock", "look_at_lock"]

FILE = "holter.lock"


class FoldLock(Lock):
    """The right to train in a folder. ``fd`` is for the training to inherit.

    Raises:  AlreadyTraining if another Holter or its training is there, FolderNotWritable.
    """

    def __init__(self, folder: Path) -> None:
        self._made = [place for place in (folder, *folder.parents) if not place.exists()]
        try:
            self._make(folder)
        except IsHeld as held:
            raise _refusal(folder / FILE, held) from held
        except OSError as error:
            raise FolderNotWritable(
                f"Cannot write in {folder}: {error.strerror}.",
                safe="Nothing was started.",
                next_step="Check nnUNet_results, its free space and its permissions.",
            ) from error

    def close(self) -> None:
        """As of every lock; folders that were made for it and are empty go with it: nothing was trained."""
        super().close()
        with contextlib.suppress(OSError):
            for place in self._made:
                place.rmdir()

    def _make(self, folder: Path) -> None:
        for is_last in (False, False, True):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                super().__init__(folder / FILE)
                return
            except FileNotFoundError:  # another fold, which does not train after all, has just removed what it had made
                if is_last:
                    raise


def _refusal(path: Path, held: IsHeld) -> AlreadyTraining:
    pid, host = held.about.get("pid"), host_of(held.about)
    if held.gone:
        return AlreadyTraining(
            f"A training of {path.parent} goes on without its Holter (PID {pid} is gone).",
            safe="It goes on; nothing was started or changed.",
            next_step="holter attach PID records it; holter train continues when it has ended.",
        )
    return AlreadyTraining(
        f"Another Holter trains in {path.parent} (PID {pid} on {host}).",
        safe="It goes on; nothing was started or changed.",
        next_step=f"If that one is dead for certain: rm {path}",
    )


def look_at_lock(folder: Path) -> tuple[Literal["none", "held", "left-over", "elsewhere"], str | None]:
    """Who has the right to train in a folder, without taking it; ``elsewhere`` cannot be told from here."""
    state, about = look(folder / FILE)
    if state == "none":
        return state, None
    return state, f"PID {about.get('pid')} on {host_of(about)}"
