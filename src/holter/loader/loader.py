"""The data loader: threads that read the planned samples, and batches in nnU-Net's format."""

from __future__ import annotations

import math
import threading
import time
import weakref
from functools import partial
from typing import Any

import numpy as np
import torch

from holter.errors import BadInput, LoaderClosed
from holter.linux.cgroups import available_bytes
from holter.loader.options import Options
from holter.loader.plan.dataset import Catalogue
from holter.loader.plan.planner import Planner
from holter.loader.quarantine import Quarantine
from holter.loader.read.backend import Backend
from holter.loader.read.backend_choice import try_out
from holter.loader.read.case_reader import CaseReader
from holter.loader.read.handles import MOST_TOGETHER
from holter.loader.read.ram import RamCache
from holter.loader.read.reader_threads import ReaderPool
from holter.loader.read.watchdog import Watch
from holter.loader.records import LoaderState, Sampling
from holter.loader.scheduler import Dispatch
from holter.loader.stage.buffers import Pool, SampleBuffers, seg_dtype_for
from holter.loader.stage.chain import Chain
from holter.loader.stage.collate import BatchBuffer, Passthrough, TransformInWorker
from holter.loader.stage.on_device import DeviceStage, Staged

CLOSED_WITHIN_S = 5.0  # reads take milliseconds; a slower one hangs, and its thread is left behind


class Loader:
    """An endless iterator of batches ``{"data", "target", "keys"}``; keys are an array of strings, as nnU-Net's are.

    Batch n depends on seed, stream, n and the data: not on threads, timing, restarts, or what was read before.
    Ranks share a seed and have one stream each; so do training and validation.
    A batch on the CPU is valid until the next one is requested: its memory is used again, unless the options forbid
    that. Threads start with the first batch, or with ``start``; they end with ``close`` or with the process.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        sampling: Sampling,
        chain: Chain,
        *,
        seed: int,
        stream: int = 0,
        options: Options | None = None,
        backend: Backend | None = None,
    ) -> None:
        options = options or Options()
        if options.threads < 1 or options.depth < 1:
            raise BadInput(f"threads {options.threads} and depth {options.depth} must be at least 1")
        self.ram = RamCache(options.ram_budget_bytes, as_float16=options.ram_as_float16, free=available_bytes)
        self.quarantine = Quarantine(len(catalogue.identifiers), options.on_trouble, is_strict=options.is_strict)
        self.backend = backend or try_out(catalogue, options.read_limit_s, self.quarantine)
        self._seed, self._stream, self._step = seed, stream, 0
        self._options = options
        is_on_gpu = options.device.startswith("cuda")
        seg_dtype = seg_dtype_for(options.largest_label)
        most_voxels = math.prod(sampling.initial_patch_size)
        buffers = Pool(lambda: SampleBuffers(seg_dtype, is_on_gpu, most_voxels if is_on_gpu else None))
        dispatch = Dispatch(sampling.batch_size, options.depth, _slots_a_job(sampling, options.threads))
        is_staged = options.is_batched or not options.device.startswith("cpu")
        self._finish: Passthrough | TransformInWorker = (
            Passthrough(buffers)
            if is_staged
            else TransformInWorker(chain, sampling.batch_size, buffers, is_pinned=options.is_pinned)
        )
        self._stage = (
            DeviceStage(dispatch, self._finish, chain, options.device, most_voxels)
            if isinstance(self._finish, Passthrough)
            else None
        )
        planner = Planner(sampling, catalogue, chain, seed, stream)
        reader = partial(CaseReader, catalogue, self.backend, self.ram, is_2d=sampling.is_2d)
        self._crew = ReaderPool(planner, dispatch, self.quarantine, self._finish, buffers, reader)
        self._held: BatchBuffer | None = None
        self._is_started = False
        self._helpers: list[threading.Thread] = []
        self._end = weakref.finalize(self, _end, self._crew, self._helpers)

    def start(self) -> None:
        """Start reading ahead; no effect if started or closed."""
        if self._is_started or not self._end.alive:
            return
        self._is_started = True
        self._crew.wanted = self._options.threads
        for _ in range(self._options.threads):
            self._crew.add()
        self._helpers.append(Watch(self._crew, self._options.read_limit_s))
        if self._stage is not None:
            self._helpers.append(self._stage)
        for helper in self._helpers:
            helper.start()

    def __iter__(self) -> Loader:
        return self

    def __next__(self) -> dict[str, Any]:
        if not self._end.alive:
            raise LoaderClosed("the data loader was closed")
        self.start()
        self._release()
        batch = self._from_readers() if self._stage is None else self._from_stage(self._stage)
        self._step += 1
        return batch

    def state(self) -> LoaderState:
        """Return seed, stream and the step of the next batch, for a checkpoint."""
        return LoaderState(seed=self._seed, stream=self._stream, step=self._step)

    def restore(self, step: int) -> None:
        """Continue with the batch of this step, and discard batches that were read ahead. Raises BadInput below 0."""
        if step < 0:
            raise BadInput(f"step {step} is before the first")
        self._release()
        self._step = step
        for memory in self._crew.dispatch.restart_at(step):
            self._finish.give_back(memory)

    def close(self) -> tuple[str, ...]:
        """End all threads; return the names of those that hang in a read and were left behind."""
        self._held = None
        left = self._end()
        return tuple(left or ())

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _from_readers(self) -> dict[str, Any]:
        batch = self._crew.dispatch.next_batch()
        self._held = batch.memory
        return {"data": batch.memory.data, "target": batch.memory.target, "keys": np.array(batch.keys)}

    def _from_stage(self, stage: DeviceStage) -> dict[str, Any]:
        staged = stage.next(self._step)
        if staged.done is not None:
            _now_used_by_current_stream(staged)
        return {"data": staged.image, "target": staged.target, "keys": np.array(staged.keys)}

    def _release(self) -> None:
        # Return the last batch's memory to the ring.
        memory, self._held = self._held, None
        if memory is None or not isinstance(self._finish, TransformInWorker) or not self._options.is_reused:
            return  # torch frees pinned memory only after the copies from it, on whatever stream they are
        if self._options.is_pinned:
            # The trainer may have requested a copy that its GPU has not made yet.
            memory.copied = torch.cuda.Event(blocking=True)
            memory.copied.record(torch.cuda.current_stream(self._options.trainer_device))
        self._finish.give_back(memory)


def _end(crew: ReaderPool, helpers: list[threading.Thread]) -> tuple[str, ...]:
    # Returns the names of threads that did not end.
    crew.stop()
    until_s = time.monotonic() + CLOSED_WITHIN_S
    threads = [thread for thread in (*crew.readers, *helpers) if thread.ident is not None]
    for thread in threads:
        # A stuck thread would not end within the time of the others.
        is_stuck = any(thread is reader and reader.is_stuck for reader in crew.readers)
        thread.join(0.0 if is_stuck else max(0.0, until_s - time.monotonic()))
    return tuple(thread.name for thread in threads if thread.is_alive())


def _slots_a_job(sampling: Sampling, threads: int) -> int:
    # Large batches of small slices are split into jobs of several slots: a hand-over costs as much as reading a slice,
    # and a job is read in one native call. Each slot of a job needs the memory of a sample.
    jobs_a_thread = 2 if sampling.is_2d else 8
    return max(1, min(MOST_TOGETHER, sampling.batch_size // (jobs_a_thread * threads)))


def _now_used_by_current_stream(staged: Staged) -> None:
    stream = torch.cuda.current_stream(staged.image.device)
    stream.wait_event(staged.done)
    targets = [staged.target] if isinstance(staged.target, torch.Tensor) else staged.target
    for tensor in (staged.image, *targets):
        tensor.record_stream(stream)
