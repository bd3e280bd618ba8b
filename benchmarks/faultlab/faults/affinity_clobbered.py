"""All workers are bound to the same core, as by a library that pins threads when it is loaded."""

from __future__ import annotations

import contextlib
import os

from benchmarks.faultlab.fault import Armed
from benchmarks.faults.outside import Outside


class AffinityClobbered(Armed):
    """The other cores are idle; a costly augmentation makes this visible."""

    name = "affinity-clobbered"
    summary = "all data workers are bound to one core while the others are idle"
    cause = "affinity-clobbered"
    trainer = "nnUNetTrainerHeavierAugmentation"
    gradual = True  # on two cores it takes half of them
    watch_s = 120.0
    limit_s = 300.0

    def inject(self, outside: Outside) -> None:
        """Bind the workers."""
        super().inject(outside)
        core = max(os.sched_getaffinity(0))
        for pid in outside.data_workers():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(pid, {core})


SCENARIO = AffinityClobbered
