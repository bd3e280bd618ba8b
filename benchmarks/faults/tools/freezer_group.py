"""A group in the kernel's control-group freezer, version 1 or 2."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

FREEZER_V1, UNIFIED = Path("/sys/fs/cgroup/freezer"), Path("/sys/fs/cgroup")
WITHIN_S = 5.0


def find_freezer() -> Path | None:
    """Return the folder in which a group can be created; None if there is none or it is not allowed."""
    if os.geteuid() != 0:
        return None
    for folder, file in ((FREEZER_V1, "tasks"), (UNIFIED, "cgroup.controllers")):
        if (folder / file).exists() and os.access(folder, os.W_OK):
            return folder
    return None


def needs_freezer() -> str | None:
    """Return why no group can be created here; None if one can."""
    return None if find_freezer() is not None else "needs root and a freezer of control groups"


class FreezerGroup:
    """Processes that can be frozen together."""

    def __init__(self, pids: Iterable[int]) -> None:
        parent = find_freezer()
        assert parent is not None
        self._parent = parent
        self._folder = parent / f"holter-lab-{os.getpid()}"
        self._folder.mkdir()
        self._is_v1 = (self._folder / "freezer.state").exists()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                (self._folder / "cgroup.procs").write_text(f"{pid}\n")

    def freeze(self) -> None:
        """Freeze all."""
        self._set("FROZEN", "1")

    def thaw(self) -> None:
        """Thaw all."""
        self._set("THAWED", "0")

    def remove(self) -> None:
        """Move out the remaining processes, and remove the group."""
        until_s = time.monotonic() + WITHIN_S
        while time.monotonic() < until_s:
            for pid in (self._folder / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (self._parent / "cgroup.procs").write_text(f"{pid}\n")
            with contextlib.suppress(OSError):
                self._folder.rmdir()
                return
            time.sleep(0.1)

    def _set(self, v1: str, v2: str) -> None:
        if self._is_v1:
            (self._folder / "freezer.state").write_text(v1)
        else:
            (self._folder / "cgroup.freeze").write_text(v2)
