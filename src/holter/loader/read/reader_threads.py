"""The threads that read samples."""

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
    """The readers of one loader and the objects that they share."""

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
        """Start one more reader thread."""
        reader = Reader(self, len(self.readers))
        self.readers.append(reader)
        start_single_threaded(reader)

    def should_exit(self, reader: Reader) -> bool:
        """Return True if this reader shall end: there are too many, because one has returned from a file that hung."""
        with self._lock:
            if sum(each.is_able() for each in self.readers) <= self.wanted:
                return False
            reader.has_left = True
            return True

    def stop(self) -> None:
        """Make all readers end after their current job."""
        self.stopping.set()
        self.dispatch.stop()


class Reader(threading.Thread):
    """Takes jobs until stopped: plans them, reads them, and hands the samples on."""

    def __init__(self, crew: ReaderPool, number: int) -> None:
        # A daemon: a thread that hangs in the kernel must not keep the process from exiting.
        super().__init__(name=f"{THREAD_NAME}-{number}", daemon=True)
        self.job: Job | None = None
        self.is_stuck = False
        self.has_left = False
        self.started = threading.Event()
        self._crew = crew
        self._reader = crew.make_reader()

    def is_able(self) -> bool:
        """Return whether the reader is alive, does not hang and is still in the pool."""
        return self.is_alive() and not self.is_stuck and not self.has_left

    def run(self) -> None:
        """Plan, read and hand on the samples of one job after the other, until stopped."""
        # One sample per thread: more threads inside would only wait for each other.
        torch.get_num_threads()  # a thread's first call sets its number to the last one set anywhere: do it first
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
        samples = self._together(job) or [
            sample for slot in job.slots if (sample := self._sample(job, slot)) is not None
        ]
        self.is_stuck = False
        self.job = None
        if len(samples) < len(job.slots):
            return  # stopped in the middle
        if job.is_claimed:  # while this thread hung
            for sample in samples:
                crew.buffers.give(sample.buffers)
            return
        prepared = crew.finish.prepare(samples)
        batch = crew.dispatch.claim(job)
        if batch is None:
            crew.finish.discard(prepared)
            return
        with batch.memory_lock:
            if batch.memory is None:
                batch.memory = crew.finish.allocate(prepared)
        batch.keys[job.slots.start : job.slots.stop] = [sample.plan.case for sample in samples]
        crew.finish.put(batch.memory, job.slots, prepared)
        dropped = crew.dispatch.written(job)
        if dropped is not None:
            crew.finish.give_back(dropped)

    def _together(self, job: Job) -> list[Sample] | None:
        # All samples in one native call; None if each must be read with Python, which also names what is wrong.
        crew = self._crew
        if not self._reader.may_read_together or crew.stopping.is_set():
            return None
        buffers = [crew.buffers.take() for _ in job.slots]
        try:
            plans = [crew.planner.plan(job.step, slot, crew.quarantine) for slot in job.slots]
            samples = self._reader.read_together(plans, buffers)
        except CaseTrouble:
            samples = None
        if samples is None:
            for each in buffers:
                crew.buffers.give(each)
            return None
        for sample in samples:
            crew.quarantine.succeeded(sample.plan.case, job.step)
        return samples

    def _sample(self, job: Job, slot: int) -> Sample | None:
        # Takes another case if the drawn one cannot be read. None: stopped.
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
    """Start a thread that limits torch to one thread for itself, without changing the number for other threads.

    torch keeps the number per thread, but also the last number set anywhere, for threads that have not used it yet:
    that number is restored here.
    """
    before = torch.get_num_threads()
    reader.start()
    reader.started.wait(STARTED_WITHIN_S)
    torch.set_num_threads(before)
