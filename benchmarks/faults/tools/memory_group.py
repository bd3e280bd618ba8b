"""A control group with a memory limit, cgroup v1 or v2."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

ROOTS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
ENTER = 'echo $$ > "$0" && exec "$@"'  # joins a group, then becomes the program under the same PID
REMOVE_WITHIN_S = 3.0  # the kernel releases a group a moment after its last process has ended


def find_memory() -> Path | None:
    """Return a folder in which a group with a memory limit can be created; None if there is none."""
    for root in ROOTS:
        if (root / "memory.limit_in_bytes").exists() and os.access(root, os.W_OK):
            return root
        with contextlib.suppress(OSError):
            if "memory" in (root / "cgroup.subtree_control").read_text().split() and os.access(root, os.W_OK):
                return root
    return None


class MemoryGroup:
    """A group with that limit."""

    def __init__(self, parent: Path, limit_bytes: int) -> None:
        self._folder = parent / f"holter-survival-{os.getpid()}"
        self._folder.mkdir()
        old = self._folder / "memory.limit_in_bytes"
        (old if old.exists() else self._folder / "memory.max").write_text(str(limit_bytes))

    @property
    def members(self) -> Path:
        """File that lists the processes inside; writing a PID moves that process in."""
        return self._folder / "cgroup.procs"

    def start(self, command: Sequence[str]) -> list[str]:
        """Return a command that starts inside."""
        return ["/bin/sh", "-c", ENTER, str(self.members), *command]

    def add(self, pid: int) -> None:
        """Move a process in."""
        self.members.write_text(str(pid))

    def kills(self) -> int | None:
        """Return how many processes were OOM-killed inside; None if the kernel does not count them."""
        for name in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                for line in (self._folder / name).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return None

    def remove(self) -> None:
        """Remove the group after its processes have ended."""
        until_s = time.monotonic() + REMOVE_WITHIN_S
        while self._folder.exists() and time.monotonic() < until_s:
            try:
                self._folder.rmdir()
            except OSError:
                time.sleep(0.05)
