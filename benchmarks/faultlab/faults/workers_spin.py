"""All data workers compute forever in one Python loop."""

from __future__ import annotations

from benchmarks.faultlab.standing import WorkersStand


class WorkersSpin(WorkersStand):
    """The user's own transform is an endless loop, in every worker."""

    name = "workers-spin"
    summary = "a transform of the user's own is a loop without end, in every worker"
    stands_in = "python-loop"
    watch_s = 90.0


SCENARIO = WorkersSpin
