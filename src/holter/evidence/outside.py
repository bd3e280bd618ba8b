"""Tell from the latest samples whether an external problem, which a training waits for, is over. Pure.

``True`` and ``False`` are measured; ``None`` means that nothing could be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from holter.evidence.disk_space import has_space, shortage
from holter.evidence.facts.gpu.graphics import ZOMBIE_BYTES, held_down_by, others
from holter.evidence.facts.machine.disk import failure, is_below, kind_of
from holter.patterns import later
from holter.records import ActionTaken, Event, ExceptionSeen, GpuSample, StorageSample, Tick

ConditionName = Literal["room", "storage-answers", "licensed", "full-clock", "gpu-alone"]

# A mount is healthy again when a small read is as fast as on any healthy one.
ANSWERS_WITHIN_S, QUICK_S = 2.0, 0.5
# A quota of the user does not show in the free space of the file system.
QUOTA = later(r"Disk quota exceeded|\[Errno 122\]")
MOST_FILES = 100  # kept at most: an epoch that cannot be saved names only a few
LICENSED = ("licensed", "unlicensed-unrestricted")
RESTRICTED = ("unlicensed-restricted", "unlicensed")


class Outside:
    """The latest sample of every external resource that a training can wait for."""

    def __init__(self) -> None:
        self._storage: dict[str, StorageSample] = {}
        self._gpus: dict[int, GpuSample] = {}
        self._mine: set[int] = set()  # GPUs that listed a process of ours
        self._quota = False
        self._files: set[str] = set()  # could not be written
        self._unnamed = False  # a write failed and its file was not named
        self._results_lacked = False
        self._since: dict[ConditionName, float] = {}

    def see(self, tick: Tick) -> None:
        self._storage.update({sample.label: sample for sample in tick.storage})
        for gpu in tick.gpus:
            if gpu.source != "none":
                self._gpus[gpu.index] = gpu
            if any(process.ours for process in gpu.processes or ()):
                self._mine.add(gpu.index)
        for event in tick.events:
            if isinstance(event, ActionTaken) and event.action == "save-checkpoint":
                failed = failure(event)
                named = failed is not None and QUOTA.search(failed.text) is not None
                self._quota = named or (self._quota and event.state != "done")
            elif isinstance(event, ExceptionSeen):
                self._quota = self._quota or bool(QUOTA.search(event.message))
            self._see_failure(event)
        results = self._storage.get("results")
        self._results_lacked = self._results_lacked or (results is not None and has_space(results) is False)
        for condition in CONDITIONS:
            if self.is_clear(condition):
                self._since.setdefault(condition, tick.t_s)
            else:
                self._since.pop(condition, None)

    def _see_failure(self, event: Event) -> None:
        failed = failure(event)
        if failed is None or kind_of(failed.text) is None:
            return
        if failed.file is None:
            self._unnamed = True
        elif len(self._files) < MOST_FILES:
            self._files.add(failed.file)

    def is_clear(self, condition: ConditionName) -> bool | None:
        """Return whether all is well again; None if unknown."""
        return CONDITIONS[condition](self)

    def clear_s(self, condition: ConditionName, t_s: float) -> float | None:
        """Return for how many seconds all samples have shown that the problem is over; None if not over or unknown."""
        since_s = self._since.get(condition)
        return None if since_s is None else max(0.0, t_s - since_s)

    def results_have_space(self) -> bool | None:
        """Return whether the results have space for a checkpoint.

        The temporary folder must have space too, if a write failed there.
        """
        results = self._storage.get("results")
        if results is None or self._quota:
            return None
        temporary = self._storage.get("tmp")
        if temporary is not None and shortage(temporary) is not None and self._failed_in(temporary, results):
            return False
        return has_space(results)

    # A full /tmp delays nobody unless a write failed there.
    def _failed_in(self, temporary: StorageSample, results: StorageSample) -> bool:
        inner = max((temporary, results), key=lambda sample: len(sample.path))
        for file in self._files:
            if is_below(file, temporary.path) and (inner is temporary or not is_below(file, results.path)):
                return True
        return self._unnamed and not self._files and not self._results_lacked

    def storage_answers(self) -> bool | None:
        """Return whether small reads of data and results succeed, and quickly."""
        readings = [self._storage[label] for label in ("preprocessed", "results") if label in self._storage]
        if any(_is_in_trouble(sample) for sample in readings):
            return False
        return True if readings and all(sample.read_latency_s is not None for sample in readings) else None

    def licensed(self) -> bool | None:
        """Return whether every vGPU is licensed or in its grace period."""
        stages = {gpu.licence_stage for gpu in self._gpus.values()}
        if stages & set(RESTRICTED):
            return False
        return True if stages & set(LICENSED) else None

    def at_full_clock(self) -> bool | None:
        """Return whether nothing lowers the clock of the training's GPUs; None if unknown."""
        gpus = self._used()
        if any(held_down_by(gpu) for gpu in gpus):
            return False
        return True if gpus and all(gpu.clock_reasons is not None for gpu in gpus) else None

    def alone(self) -> bool | None:
        """Return whether no other process, living or dead, holds memory on the training's GPUs; None if unknown."""
        gpus = self._used()
        if any(others(gpu) or _held_by_nobody(gpu) for gpu in gpus):
            return False
        return True if gpus and all(gpu.processes is not None for gpu in gpus) else None

    def _used(self) -> list[GpuSample]:
        if len(self._gpus) == 1:
            return list(self._gpus.values())
        return [gpu for gpu in self._gpus.values() if gpu.index in self._mine]


def _is_in_trouble(sample: StorageSample) -> bool:
    hangs = (sample.probe_pending_s or 0.0) >= ANSWERS_WITHIN_S
    return hangs or sample.problem is not None or (sample.read_latency_s or 0.0) >= QUICK_S


def _held_by_nobody(gpu: GpuSample) -> bool:
    held = sum(process.memory_bytes or 0 for process in gpu.processes or ())
    return gpu.processes is not None and (gpu.memory_used_bytes or 0) - held >= ZOMBIE_BYTES


# A cause names what it waits for by one of these.
CONDITIONS: dict[ConditionName, Callable[[Outside], bool | None]] = {
    "room": Outside.results_have_space,
    "storage-answers": Outside.storage_answers,
    "licensed": Outside.licensed,
    "full-clock": Outside.at_full_clock,
    "gpu-alone": Outside.alone,
}
