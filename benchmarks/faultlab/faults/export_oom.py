"""An export worker is OOM-killed while the main process waits for its results."""

from __future__ import annotations

from benchmarks.faultlab.export import ExportFault
from benchmarks.faults.tools.memory_group import find_memory
from benchmarks.survival.worker_faults import WorkerOutOfMemory


class ExportOom(ExportFault):
    """Its memory group is made too small for a case."""

    name = "export-oom"
    summary = "an export worker of the final validation runs out of memory"
    cause = "export-ram-oom"
    also = ("export-lost-result-hang",)

    def __init__(self) -> None:
        super().__init__()
        self._memory = WorkerOutOfMemory()

    def needs(self) -> str | None:
        """Require a memory controller."""
        return None if find_memory() else "no control group with a memory limit can be made here"

    def hit(self, pid: int) -> None:
        """Limit its memory."""
        self._memory.hit([pid])

    def undo(self) -> None:
        """Remove the group."""
        super().undo()
        self._memory.undo()


SCENARIO = ExportOom
