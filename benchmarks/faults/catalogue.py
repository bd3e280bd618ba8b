"""All faults and healthy variations, by name. A new one is one more line in the file of its subject."""

from __future__ import annotations

from itertools import chain

from benchmarks.faults import (
    calls,
    checkpoints,
    files,
    gpu,
    healthy,
    limits,
    machine,
    main_process,
    memory,
    processor,
    results,
    signals,
    storage,
    workers,
)
from benchmarks.faults.fault import Make, by_name

SUBJECTS = (
    calls, checkpoints, files, gpu, healthy, limits, machine, main_process, memory, processor, results, signals,
    storage, workers,
)  # fmt: skip


def _all(kind: str) -> dict[str, Make]:
    return dict(sorted(by_name(chain.from_iterable(getattr(subject, kind, ()) for subject in SUBJECTS)).items()))


FAULTS = _all("FAULTS")
HEALTHY = _all("HEALTHY")
# Faults that only the campaign has, or has in another form than the lab.
CAMPAIGN = _all("CAMPAIGN")
