"""Whether what a training waits for is over, by the probes' latest readings. A fold over ticks: no clock, no file.

``True`` and ``False`` are readings; ``None`` means that nothing could be read, and says neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from holter.evidence.disk_space import has_room, shortage
from holter.evidence.facts.gpu.graphics import ZOMBIE_BYTES, held_down_by, others
from holter.evidence.facts.machine.disk import failure, is_below, kind_of
from holter.records import ActionTaken, Event, ExceptionSeen, GpuSample, StorageSample, Tick

# A mount answers again when a small read is as quick as on any healthy one.
ANSWERS_WITHIN_S, QUICK_S = 2.0, 0.5
# A quota of one's own does not show in the free space of the file system.
QUOTA = re.compile(r"Disk quota exceeded|\[Errno 122\]")
MOST_FILES = 100  # remembered: an epoch that cannot be saved names few
LICENSED = ("licensed", "unlicensed-unrestricted")
RESTRICTED = ("unlicensed-restricted", "unlicensed")


class Outside:
    """The latest reading of everything that we can only wait for."""

    def __init__(self) -> None:
        self._storage: dict[str, StorageSample] = {}
        self._gpus: dict[int, GpuSample] = {}
        self._mine: set[int] = set()  # GPUs that listed a process of ours
        self._quota = False
        self._files: set[str] = set()  # that could not be written
        self._unnamed = False  # something could not be, and it was not said what
        self._results_lacked = False
        self._since: dict[str, float] = {}

    def see(self, tick: Tick) -> None:
        """Take in the next tick."""
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
        self._results_lacked = self._results_lacked or (results is not None and has_room(results) is False)
        for cause in CONDITIONS:
            if self.is_clear(cause):
                self._since.setdefault(cause, tick.t_s)
            else:
                self._since.pop(cause, None)

    def _see_failure(self, event: Event) -> None:
        failed = failure(event)
        if failed is None or kind_of(failed.text) is None:
            return
        if failed.file is None:
            self._unnamed = True
        elif len(self._files) < MOST_FILES:
            self._files.add(failed.file)

    def is_clear(self, cause: str | None) -> bool | None:
        """Whether the condition that this cause is about is over."""
        return CONDITIONS[cause](self) if cause is not None and cause in CONDITIONS else None

    def clear_s(self, cause: str | None, t_s: float) -> float | None:
        """For how long it has been over at every reading; None where it is not, or cannot be told."""
        since_s = self._since.get(cause or "")
        return None if since_s is None else max(0.0, t_s - since_s)

    def room(self) -> bool | None:
        """The results have room for a checkpoint; so has the temporary folder, if that is where a write failed."""
        results = self._storage.get("results")
        if results is None or self._quota:
            return None
        temporary = self._storage.get("tmp")
        if temporary is not None and shortage(temporary) is not None and self._failed_in(temporary, results):
            return False
        return has_room(results)

    def _failed_in(self, temporary: StorageSample, results: StorageSample) -> bool:
        """Whether a write failed there; a full /tmp that nobody needed keeps nobody waiting."""
        inner = max((temporary, results), key=lambda one: len(one.path))
        for file in self._files:
            if is_below(file, temporary.path) and (inner is temporary or not is_below(file, results.path)):
                return True
        return self._unnamed and not self._files and not self._results_lacked

    def storage_answers(self) -> bool | None:
        """Small reads of data and results come back, and quickly."""
        looks = [self._storage[label] for label in ("preprocessed", "results") if label in self._storage]
        if any(_is_in_trouble(one) for one in looks):
            return False
        return True if looks and all(one.read_latency_s is not None for one in looks) else None

    def licensed(self) -> bool | None:
        """Every vGPU is licensed, or in its grace period."""
        stages = {gpu.licence_stage for gpu in self._gpus.values()}
        if stages & set(RESTRICTED):
            return False
        return True if stages & set(LICENSED) else None

    def at_full_clock(self) -> bool | None:
        """Nothing holds the clock of our GPUs down."""
        gpus = self._used()
        if any(held_down_by(gpu) for gpu in gpus):
            return False
        return True if gpus and all(gpu.clock_reasons is not None for gpu in gpus) else None

    def alone(self) -> bool | None:
        """Nobody else is on our GPUs, and nobody who is gone."""
        gpus = self._used()
        if any(others(gpu) or _held_by_nobody(gpu) for gpu in gpus):
            return False
        return True if gpus and all(gpu.processes is not None for gpu in gpus) else None

    def _used(self) -> list[GpuSample]:
        if len(self._gpus) == 1:
            return list(self._gpus.values())
        return [gpu for gpu in self._gpus.values() if gpu.index in self._mine]


def _is_in_trouble(one: StorageSample) -> bool:
    hangs = (one.probe_pending_s or 0.0) >= ANSWERS_WITHIN_S
    return hangs or one.problem is not None or (one.read_latency_s or 0.0) >= QUICK_S


def _held_by_nobody(gpu: GpuSample) -> bool:
    held = sum(one.memory_bytes or 0 for one in gpu.processes or ())
    return gpu.processes is not None and (gpu.memory_used_bytes or 0) - held >= ZOMBIE_BYTES


CONDITIONS: dict[str, Callable[[Outside], bool | None]] = {
    "disk-full-or-quota": Outside.room,
    "slow-storage": Outside.storage_answers,
    "vgpu-unlicensed": Outside.licensed,
    "gpu-thermal-or-power": Outside.at_full_clock,
    "gpu-shared-or-zombie": Outside.alone,
}
