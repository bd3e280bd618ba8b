"""The allocator refuses large blocks though memory is free: a preloaded library replaces the C library's malloc."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faultlab.fault import Armed
from benchmarks.survival.clock_jump import compiler
from benchmarks.survival.fault import Stage

SOURCE = Path(__file__).parents[2] / "faults" / "tools" / "failing_malloc.c"


class AllocatorFails(Armed):
    """As with strict overcommit, or an allocator with a limit of its own (jemalloc, tcmalloc)."""

    name = "allocator-fails"
    summary = "malloc returns NULL for blocks of 256 KiB and more, though memory is free"
    cause = "memory-refused"
    acts = True

    def needs(self) -> str | None:
        """Require a compiler."""
        return None if compiler() else "no C compiler (cc or gcc) to build the allocator that fails"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Build the library."""
        self._library = stage.folder / "failing_malloc.so"
        build = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(build, check=True, capture_output=True)
        return super().prepare(stage)

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Preload it into the training, not into Holter."""
        return ["env", f"LD_PRELOAD={self._library}", f"FAILING_MALLOC_FILE={self.arm}", *command]


SCENARIO = AllocatorFails
