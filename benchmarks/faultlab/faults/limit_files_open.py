"""Few files may be open from the beginning: ``ulimit -n 48``."""

from __future__ import annotations

from benchmarks.faultlab.limits import Limited


class FewOpenFiles(Limited):
    """Imports and the first batches need about as many; each tensor of a worker needs one more."""

    name = "limit-files-open"
    summary = "ulimit -n 48: the training may have 48 files open"
    cause = "fd-exhaustion"
    ulimit = "-n 48"


SCENARIO = FewOpenFiles
