"""Other processes in the container take nearly all of its memory, but the training needs none of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside
from benchmarks.faults.tools.memory_group import MemoryGroup, find_memory
from benchmarks.survival.fault import Stage

LIMIT_BYTES, LEFT_BYTES = 2 << 30, 120 << 20
ENTER = 'echo $$ > "$0" && exec "$@"'


class MemoryTaken(Healthy):
    """The data set is small and stays cached; 94 % of the limit are in use, and that is no fault."""

    name = "memory-taken"
    summary = "other processes of the container take its memory, all but 120 MB; the training is as fast as before"
    epochs = 5

    def __init__(self) -> None:
        super().__init__()
        self._group: MemoryGroup | None = None
        self._hog: subprocess.Popen[bytes] | None = None

    def needs(self) -> str | None:
        """Require a control group for memory, v1."""
        parent = find_memory()
        if parent is None or not (parent / "memory.limit_in_bytes").exists():
            return "no control group (v1) with a memory limit can be made here"
        return None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create the group."""
        del stage
        parent = find_memory()
        assert parent is not None
        self._group = MemoryGroup(parent, LIMIT_BYTES)
        return {}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Start the training in it."""
        assert self._group is not None
        return ["/bin/sh", "-c", ENTER, str(self._group.members), *command]

    def inject(self, outside: Outside) -> None:
        """Let another process take the memory."""
        assert self._group is not None
        self.strike()
        group = self._group.members
        hog = [sys.executable, "-m", "benchmarks.faults.tools.memory_hog", str(group.parent), str(LEFT_BYTES)]
        self._hog = subprocess.Popen(["/bin/sh", "-c", ENTER, str(group), *hog])

    def relieve(self) -> None:
        """Release the memory."""
        if self._hog is not None:
            self._hog.kill()
            self._hog.wait()
            self._hog = None

    def undo(self) -> None:
        """Remove the group."""
        self.relieve()
        if self._group is not None:
            self._group.remove()


SCENARIO = MemoryTaken
