"""Check whether others use a GPU: a training beside them would run out of memory, or slow down both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from holter.probes import Reading
from holter.probes.gpu.gpu import GpuProbe
from holter.records import Message
from holter.records.samples import GpuSample
from holter.sentences import define
from holter.sizes import GIB
from holter.study.queue import Slot

# A display, or a driver service, holds less.
FOREIGN_BYTES = GIB
# Between two of somebody's trainings, or after one that has just ended, the memory is free for a moment.
FREE_FOR_S = 60.0
LOOK_EVERY_S = 5.0
PATIENCE_S = 1.0
FIRST_WITHIN_S = 12.0

USED = define(
    "study.gpu-used",
    "GPU {index} is used by others ({used:bytes}); a training starts there when it is free for a minute",
)


class ForeignUse:
    """Watches the memory of the GPUs and MIG slices on which nothing of this queue runs.

    Without a reading one counts as free.
    """

    def __init__(self, slots: Iterable[Slot], environ: Mapping[str, str], tell: Callable[[Message], None]) -> None:
        has_gpu = any(slot.gpu is not None for slot in slots)
        self._probe = GpuProbe(environment=environ, patience_s=PATIENCE_S) if has_gpu else None
        self._tell = tell
        self._used_s: dict[str, float] = {}  # by ``Slot.device``: when others were seen last
        self._used_bytes: dict[str, int] = {}
        self._next_s = float("-inf")
        self._own: frozenset[str] = frozenset()
        if self._probe is not None:  # the first answer of a driver may take seconds
            self._keep(self._probe.read_complete(0.0, FIRST_WITHIN_S))

    def own(self, devices: frozenset[str]) -> None:
        """Set the devices on which this queue trains now: memory in use there, also shortly afterwards, is its own."""
        if self._own - devices:
            self._next_s = float("-inf")
        for device in self._own | devices:
            self._used_bytes.pop(device, None)
        self._own = devices

    def is_free(self, slot: Slot, now_s: float) -> bool:
        """Return whether for a minute nobody else has used memory of this slot's GPU or slice; True for the CPU."""
        if slot.device is None or self._probe is None:
            return True
        self._look(now_s)
        used = self._used_bytes.get(slot.device, 0)
        if used >= FOREIGN_BYTES:
            if slot.device not in self._used_s:
                self._tell(USED(index=slot.device, used=used))
            self._used_s[slot.device] = now_s
            return False
        if now_s - self._used_s.get(slot.device, float("-inf")) < FREE_FOR_S:
            return False
        self._used_s.pop(slot.device, None)
        return True

    def close(self) -> None:
        """End the process that asks the driver."""
        if self._probe is not None:
            self._probe.close()

    def _look(self, now_s: float) -> None:
        if self._probe is None or now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_EVERY_S
        self._keep(self._probe.read(now_s))

    def _keep(self, reading: Reading) -> None:
        for sample in reading.samples:
            if not isinstance(sample, GpuSample):
                continue
            if sample.memory_used_bytes is not None:
                self._used_bytes[str(sample.index)] = sample.memory_used_bytes
            for part in sample.slices or ():
                if part.uuid is not None and part.memory_used_bytes is not None:
                    self._used_bytes[part.uuid] = part.memory_used_bytes
