"""The threads that read."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

from holter.loader.plan.planner import Planner
from holter.loader.quarantine import Quarantine
from holter.loader.read.case_reader import CaseReader
from holter.loader.read_errors import CaseTrouble
from holter.loader.scheduler import Dispatch, Job
from holter.loader.stage.buffers import Pool, Sample, SampleBuffers
from holter.loader.stage.collate import Finish

THREAD_NAME = "holter-read"
STARTED_WITHIN_S = 10.0  # a thread starts in a millisecond; on a machine that swaps it may take seconds


class ReaderPool:
    """What the readers of one loader share, and who they are."""

    def __init__(
        self,
        planner: Planner,
        dispatch: Dispatch,
        quarantine: Quarantine,
        finish: Finish,
        buffers: Pool[SampleBuffers],
        make_reader: Callable[[], CaseReader],
    ) -> None:
        self.planner, self.dispatch, self.quarantine, self.finish = planner, dispatch, quarantine, finish
        self.buffers, self.make_reader = buffers, make_reader
        self.readers: list[Reader] = []
        self.wanted = 0  # readers that are not stuck
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    def add(self) -> None:
        """Start one more reader."""
        reader = Reader(self, len(self.readers))
        self.readers.append(reader)
        start_single_threaded(reader)

    def should_exit(self, reader: Reader) -> bool:
        """Whether there are more readers than wanted, one came back from a hung file; then this one is off the crew."""
        with self._lock:
            if sum(each.is_able() for each in self.readers) <= self.wanted:
                return False
            reader.has_left = True
            return True

    def stop(self) -> None:
        """No reader takes another job."""
        self.stopping.set()
        self.dispatch.stop()


class Reader(threading.Thread):
    """Takes jobs until it is told to stop: plans them, reads them, and hands the samples on."""

    def __init__(self, crew: ReaderPool, number: int) -> None:
        # A daemon: one that hangs in the kernel for good must not keep the process from ending.
        super().__init__(name=f"{THREAD_NAME}-{number}", daemon=True)
        self.job: Job | None = None
        self.is_stuck = False
        self.has_left = False
        self.started = threading.Event()
        self._crew = crew
        self._reader = crew.make_reader()

    def is_able(self) -> bool:
        """Whether it reads, and not for ever."""
        return self.is_alive() and not self.is_stuck and not self.has_left

    def run(self) -> None:
        """See Reader."""
        # One sample a thread: more threads inside would only wait for each other.
        torch.get_num_threads()  # the first look gives a thread the number that was set last; it must be behind us
        torch.set_num_threads(1)
        self.started.set()
        try:
            while (job := self._crew.dispatch.take()) is not None:
                self._do(job)
                if self._crew.should_exit(self):
                    return
        except BaseException as error:  # noqa: BLE001 -- it is raised again in the trainer's thread
            self._crew.dispatch.fail(error)
        finally:
            self._reader.close()

    def _do(self, job: Job) -> None:
        crew = self._crew
        self.job = job
        samples = [sample for slot in job.slots if (sample := self._sample(job, slot)) is not None]
        self.is_stuck = False
        self.job = None
        if len(samples) < len(job.slots):
            return  # told to stop in the middle
        if job.is_claimed:  # while this thread hung
            for sample in samples:
                crew.buffers.give(sample.buffers)
            return
        prepared = crew.finish.prepare(samples)
        batch = crew.dispatch.claim(job)
        if batch is None:
            crew.finish.discard(prepared)
            return
        with batch.room_lock:
            if batch.room is None:
                batch.room = crew.finish.room(prepared)
        batch.keys[job.slots.start : job.slots.stop] = [sample.plan.case for sample in samples]
        crew.finish.put(batch.room, job.slots, prepared)
        dropped = crew.dispatch.written(job)
        if dropped is not None:
            crew.finish.give_back(dropped)

    def _sample(self, job: Job, slot: int) -> Sample | None:
        """Read one sample, from another case where the one drawn cannot be read; None: told to stop."""
        crew = self._crew
        buffers = crew.buffers.take()
        while not crew.stopping.is_set():
            try:
                plan = crew.planner.plan(job.step, slot, crew.quarantine)
                sample = self._reader.read(plan, buffers)
            except CaseTrouble as trouble:
                self._reader.forget(trouble.case)
                crew.stopping.wait(crew.quarantine.failed(trouble, job.step))
            else:
                crew.quarantine.succeeded(plan.case, job.step)
                return sample
        return None


def start_single_threaded(reader: Reader) -> None:
    """Start a thread that limits torch to one thread for itself, without changing what other threads will get.

    torch keeps the number of threads for each thread, but also notes the last number that anybody set, for threads
    that have yet to use it: that is put back.
    """
    before = torch.get_num_threads()
    reader.start()
    reader.started.wait(STARTED_WITHIN_S)
    torch.set_num_threads(before)
