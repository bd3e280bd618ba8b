"""Data workers end with exit code 0 without any message."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class WorkerLeaves(Armed):
    """A library ends the data worker by os._exit(0)."""

    name = "worker-leaves"
    summary = "a library ends the data worker by os._exit(0)"
    cause = "worker-exited"
    trainer = "nnUNetTrainerWorkerLeaves"
    acts = True


SCENARIO = WorkerLeaves
