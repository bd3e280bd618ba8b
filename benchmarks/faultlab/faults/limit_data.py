"""The main process may allocate no more memory: RLIMIT_DATA is lowered to its present use in the middle of an epoch."""

from __future__ import annotations

import resource
from pathlib import Path

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside


class NoMoreData(Fault):
    """``malloc`` and ``mmap`` fail with ENOMEM, though the machine has free memory."""

    name = "limit-data"
    summary = "RLIMIT_DATA is lowered to what the main process has: it is refused memory that is free"
    cause = "process-limit"
    acts = True

    def inject(self, outside: Outside) -> None:
        """Lower the soft limit."""
        assert outside.main is not None
        pid = outside.main.pid
        status = Path(f"/proc/{pid}/status").read_text()
        data_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:"))
        _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        self.strike()
        resource.prlimit(pid, resource.RLIMIT_DATA, (data_kib << 10, hard))


SCENARIO = NoMoreData
