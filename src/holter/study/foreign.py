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
    """Watches the memory of the GPUs on which nothing of this queue runs. Without a reading a GPU counts as free."""

    def __init__(self, slots: Iterable[Slot], environ: Mapping[str, str], tell: Callable[[Message], None]) -> None:
        self._gpus = {slot.gpu for slot in slots if slot.gpu is not None}
        self._probe = GpuProbe(environment=environ, patience_s=PATIENCE_S) if self._gpus else None
        self._tell = tell
        self._used_s: dict[int, float] = {}  # when others were seen last
        self._used_bytes: dict[int, int] = {}
        self._next_s = float("-inf")
        self._own: frozenset[int] = frozenset()
        if self._probe is not None:  # the first answer of a driver may take seconds
            self._keep(self._probe.read_complete(0.0, FIRST_WITHIN_S))

    def own(self, gpus: frozenset[int]) -> None:
        """Set the GPUs on which this queue trains now: memory in use there, now and shortly afterwards, is its own."""
        if self._own - gpus:
            self._next_s = float("-inf")
        for gpu in self._own | gpus:
            self._used_bytes.pop(gpu, None)
        self._own = gpus

    def is_free(self, slot: Slot, now_s: float) -> bool:
        """Return whether for a minute nobody else has used memory of this slot's GPU; True for a slot on the CPU."""
        if slot.gpu is None or self._probe is None:
            return True
        self._look(now_s)
        used = self._used_bytes.get(slot.gpu, 0)
        if used >= FOREIGN_BYTES:
            if slot.gpu not in self._used_s:
                self._tell(USED(index=slot.gpu, used=used))
            self._used_s[slot.gpu] = now_s
            return False
        if now_s - self._used_s.get(slot.gpu, float("-inf")) < FREE_FOR_S:
            return False
        self._used_s.pop(slot.gpu, None)
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
            if isinstance(sample, GpuSample) and sample.memory_used_bytes is not None:
                self._used_bytes[sample.index] = sample.memory_used_bytes
