"""Every worker has a thread pool of its own."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class ManyThreads(Armed):
    """Many times more threads than cores, which wait for each other."""

    name = "many-threads"
    summary = "each data worker computes with 32 threads"
    cause = "thread-oversubscription"
    trainer = "nnUNetTrainerManyThreads"
    variables = {"OMP_NUM_THREADS": "32"}


SCENARIO = ManyThreads
