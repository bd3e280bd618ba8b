"""The queue of a study: what to start next, and what the end of a training means. Pure: no clock and no process."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from pathlib import Path
from typing import Literal, NamedTuple

from holter.records import Message
from holter.records.exit_codes import GAVE_UP, REQUEUE
from holter.sentences import define
from holter.study.records import Job

# Three trainings that fail for one cause have a dead disk in common, not three faults.
SAME_CAUSE = 3
# A training that somebody stops again and again without an epoch between would be started without end.
MOST_REQUEUES = 20

SAME = define("study.same-cause", "{count} trainings ended for the same cause ({cause}): nothing more is started")
TOO_MANY = define(
    "study.too-many-failures",
    "{count} trainings were set aside (--max-failures): nothing more is started",
    one="{count} training was set aside (--max-failures): nothing more is started",
)
NOT_KEEP_GOING = define(
    "study.not-keep-going", "a training failed: nothing more is started (--keep-going starts the others nevertheless)"
)

Fate = Literal["done", "again", "aside"]


class Slot(NamedTuple):
    """A place for one training. ``gpu``: its index; None: the CPU. ``mig``: the UUID of a slice of that GPU.

    ``uuid``: of the GPU, if the driver reports it.
    """

    name: str
    gpu: int | None = None
    mig: str | None = None
    uuid: str | None = None

    @property
    def device(self) -> str | None:
        """What ``CUDA_VISIBLE_DEVICES`` calls it; None: the CPU."""
        return self.mig or (None if self.gpu is None else str(self.gpu))


class Ended(NamedTuple):
    """How a training ended. ``code``: the exit code of ``holter train``; None: another queue has started this fold."""

    code: int | None
    is_done: bool
    cause: str | None = None
    why: Message | None = None


class Aside(NamedTuple):
    """A training that will not be started in this call, and why."""

    job: Job
    code: int | None
    cause: str | None
    why: Message | None


class Queue:
    """The trainings of one call, and the slots for them.

    ``needs``: for the folder of a fold, the folders of this study that must be done first. ``max_failures``: after how
    many failures nothing more is started; 0: no limit.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        slots: Sequence[Slot],
        *,
        needs: Mapping[Path, frozenset[Path]] | None = None,
        keep_going: bool = False,
        max_failures: int = 0,
        spacing_s: float = 0.0,
    ) -> None:
        self._free = deque(slots)
        self._keep_going, self._max_failures, self._spacing_s = keep_going, max_failures, spacing_s
        self._needs = {job.folder: set((needs or {}).get(job.folder, ())) for job in jobs}
        self._dependents: dict[Path, list[Job]] = {}
        for job in jobs:
            for folder in self._needs[job.folder]:
                self._dependents.setdefault(folder, []).append(job)
        self._pending: list[tuple[int, int, Job]] = []  # a heap: the highest priority first, then in the given order
        self._given = 0
        for job in jobs:
            if not self._needs[job.folder]:
                self._put(job)
        self._waiting = {job.folder: job for job in jobs if self._needs[job.folder]}
        self._running: dict[Path, Slot | None] = {}
        self._requeues: Counter[Path] = Counter()
        self._causes: Counter[str] = Counter()
        self._next_s = float("-inf")
        self.stopped: Message | None = None  # why nothing more is started
        self.done: list[Job] = []
        self.aside: list[Aside] = []

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing will be started."""
        return not self._running and (not self._pending or self.stopped is not None)

    @property
    def running(self) -> int:
        """Return how many trainings of this queue run."""
        return len(self._running)

    @property
    def devices(self) -> frozenset[str]:
        """GPUs and slices on which trainings of this queue run."""
        slots = filter(None, self._running.values())
        return frozenset(slot.device for slot in slots if slot.device is not None)

    @property
    def left(self) -> tuple[Job, ...]:
        """Jobs that were not started, or that wait to be started again."""
        return (*(job for _, _, job in sorted(self._pending)), *self._waiting.values())

    def adopt(self, job: Job, slot: str | None, *, is_here: bool) -> None:
        """Count a training that runs already, started by another call.

        ``slot``: the slot's name in that call, None if unknown. ``is_here``: the training runs on this machine, so it
        takes that slot from this queue.
        """
        taken = next((each for each in self._free if each.name == slot), None) if is_here else None
        # On the CPU all share the cores. A GPU of another name is not ours; one in use is seen by its memory.
        if taken is None and is_here and self._free and self._free[0].gpu is None:
            taken = self._free[0]
        if taken is not None:
            self._free.remove(taken)
        self._running[job.folder] = taken

    def start(self, now_s: float, is_free: Callable[[Slot], bool] = lambda _: True) -> tuple[Job, Slot] | None:
        """Return the next training to start, and the slot for it; None if there is no training or no slot for it now.

        ``is_free``: asks whether no other process uses a slot's GPU.
        """
        if self.stopped is not None or not self._pending or not self._free or now_s < self._next_s:
            return None
        slot = next((each for each in self._free if is_free(each)), None)
        if slot is None:
            return None
        job = heappop(self._pending)[2]
        self._free.remove(slot)
        self._running[job.folder] = slot
        self._next_s = now_s + self._spacing_s
        return job, slot

    def release(self, job: Job) -> None:
        """Free the slot of a training that did not begin, because another queue was faster."""
        slot = self._running.pop(job.folder)
        if slot is not None:
            self._free.append(slot)

    def put_back(self, job: Job) -> None:
        """Free the slot of a training that did not begin, and let it wait again, before others of its priority."""
        self.release(job)
        self._given += 1
        heappush(self._pending, (-job.priority, -self._given, job))

    def stop(self, why: Message) -> None:
        """Start no more trainings; those that run continue."""
        self.stopped = self.stopped or why

    def ended(self, job: Job, end: Ended) -> Fate:
        """Record how a training ended; return its fate: "done", started "again", or put "aside" for this call."""
        self.release(job)
        if end.is_done or (end.code == 0 and end.why is None):
            self._finish(job)
            return "done"
        # Not its own fault: asked to stop, or started by a queue whose end nobody saw.
        if end.code in (REQUEUE, None) and end.why is None:
            self._requeues[job.folder] += 1
            if self._requeues[job.folder] <= MOST_REQUEUES:
                self._put(job)
                return "again"
        self._set_aside(job, end)
        return "aside"

    def _put(self, job: Job) -> None:
        self._given += 1
        heappush(self._pending, (-job.priority, self._given, job))

    def _finish(self, job: Job) -> None:
        self.done.append(job)
        for dependent in self._dependents.pop(job.folder, ()):
            needs = self._needs[dependent.folder]
            needs.discard(job.folder)
            if not needs and self._waiting.pop(dependent.folder, None) is not None:
                self._put(dependent)

    def _set_aside(self, job: Job, end: Ended) -> None:
        self.aside.append(Aside(job, end.code, end.cause, end.why))
        # Trainings that others have started, and of which no cause is known, have nothing in common.
        cause = end.cause or (None if end.code is None else f"exit code {end.code}")
        if cause is not None:
            self._causes[cause] += 1
        if cause is not None and self._causes[cause] >= SAME_CAUSE:
            self.stop(SAME(count=self._causes[cause], cause=cause))
        elif self._max_failures and len(self.aside) >= self._max_failures:
            self.stop(TOO_MANY(count=len(self.aside)))
        elif not self._keep_going and end.code not in (GAVE_UP, None, REQUEUE):
            self.stop(NOT_KEEP_GOING())
