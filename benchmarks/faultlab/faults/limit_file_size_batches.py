"""No file may be larger than 200 KiB (``ulimit -f``); the shared memory of a batch is a larger file."""

from __future__ import annotations

from benchmarks.faultlab.limits import Limited


class SmallBatches(Limited):
    """The worker prints "unable to resize file: File too large" and continues; the training waits forever."""

    name = "limit-file-size-batches"
    summary = "ulimit -f: no batch of a worker fits into shared memory, and the training waits in silence"
    cause = "process-limit"
    ulimit = "-f 400"  # blocks of 512 bytes


SCENARIO = SmallBatches
