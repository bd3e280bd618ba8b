"""Workers leak memory until the control group of the training is full and the kernel kills one."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faultlab.fault import Armed
from benchmarks.faults.tools.memory_group import MemoryGroup, find_memory
from benchmarks.survival.fault import Stage

LIMIT_BYTES = 3 << 30  # main process and workers take a good gigabyte of it
_ENTER = 'echo $$ > "$0" && exec "$@"'  # joins the group, then becomes the training under the same PID


class MemoryLeak(Armed):
    """As in a container or a job with a memory limit."""

    name = "memory-leak"
    summary = "data workers leak 200 MB a case until the container's memory is full"
    cause = "ram-oom-train-worker"
    acts = True
    trainer = "nnUNetTrainerWorkerLeaks"

    def __init__(self) -> None:
        super().__init__()
        self._group: MemoryGroup | None = None

    def needs(self) -> str | None:
        """Require a memory controller."""
        return None if find_memory() else "no control group with a memory limit can be made here"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create the group."""
        parent = find_memory()
        assert parent is not None
        self._group = MemoryGroup(parent, LIMIT_BYTES)
        return super().prepare(stage)

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Start the training in it."""
        assert self._group is not None
        return ["/bin/sh", "-c", _ENTER, str(self._group.members), *command]

    def undo(self) -> None:
        """Remove the group."""
        if self._group is not None:
            self._group.remove()


SCENARIO = MemoryLeak
