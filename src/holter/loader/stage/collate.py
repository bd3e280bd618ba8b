"""Finish samples after they are read: transform them in the reader thread, or pass them on unchanged."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch

from holter.loader.stage.buffers import Pool, Sample, SampleBuffers
from holter.loader.stage.chain import Chain, Tensor, Transformed, Writer, WritingChain


class Prepared(NamedTuple):
    """Some samples of a batch, and the result of ``prepare`` for them; None: ``put`` does all the work."""

    samples: Sequence[Sample]
    part: Any


class Finish(Protocol):
    """How a reader thread finishes samples: it may transform them, and writes them to the batch."""

    def prepare(self, samples: Sequence[Sample]) -> Prepared:
        """Do what can be done before the memory of the batch is allocated."""
        ...

    def allocate(self, prepared: Prepared) -> Any:
        """Return memory for a whole batch; may wait for a GPU that still copies from it."""
        ...

    def put(self, memory: Any, slots: range, prepared: Prepared) -> None:
        """Write samples to their slots; several threads do this at once, each for its own slots."""
        ...

    def discard(self, prepared: Prepared) -> None:
        """Release samples that another thread has already written."""
        ...

    def give_back(self, memory: Any) -> None:
        """Release the memory of a batch that is no longer used."""
        ...


class BatchBuffer:
    """The memory of one transformed batch: ``data`` (B, C, *patch), ``targets`` one per resolution."""

    def __init__(self, like: Any, batch_size: int, is_pinned: bool) -> None:
        self._is_list = not isinstance(like.target, torch.Tensor)
        self.data, *self.targets = (
            torch.empty((batch_size, *each.shape[1:]), dtype=each.dtype, pin_memory=is_pinned)
            for each in (like.image, *self._targets_of(like))
        )
        self.writer: Writer | None = None  # None: samples are transformed first and then copied
        self.copied: Any = None  # a CUDA event: until it is done the GPU may still copy from here

    def put(self, slots: range, part: Any) -> None:
        """Copy transformed samples into their slots. ``part``: what the chain returned for them."""
        where = slice(slots.start, slots.stop)
        self.data[where].copy_(part.image)
        for memory, target in zip(self.targets, self._targets_of(part), strict=True):
            memory[where].copy_(target)

    @property
    def target(self) -> Tensor | list[Tensor]:
        """Return the target in the format of nnU-Net's loader: a list with deep supervision, else a tensor."""
        return self.targets if self._is_list else self.targets[0]

    def _targets_of(self, part: Any) -> Sequence[Tensor]:
        return part.target if self._is_list else [part.target]


class TransformInWorker:
    """Transform each sample in its reader thread as soon as it is read, into a ring of batches.

    A chain that accepts an output buffer writes its samples directly into the batch.
    """

    def __init__(self, chain: Chain, batch_size: int, buffers: Pool[SampleBuffers], *, is_pinned: bool) -> None:
        self._chain, self._size, self._buffers, self._is_pinned = chain, batch_size, buffers, is_pinned
        self._free: deque[BatchBuffer] = deque()
        self._outputs: dict[tuple[int, int], Transformed | None] = {}

    def prepare(self, samples: Sequence[Sample]) -> Prepared:
        """Transform the samples on the CPU now, or leave it to ``put`` if that can write the results into the batch."""
        if self._output(samples) is not None:
            return Prepared(samples, None)
        with torch.no_grad():
            return Prepared(samples, self._chain.apply(*_parts(samples), device="cpu"))

    def allocate(self, prepared: Prepared) -> BatchBuffer:
        """Return the batch memory that has been free longest, or new memory; may wait for a GPU that copies from it."""
        try:
            memory = self._free.popleft()
        except IndexError:
            return self._new(prepared)
        if memory.copied is not None:
            memory.copied.synchronize()
            memory.copied = None
        return memory

    def put(self, memory: BatchBuffer, slots: range, prepared: Prepared) -> None:
        """Write the samples into their slots of the batch, and release their buffers."""
        if prepared.part is not None:
            memory.put(slots, prepared.part)
        elif memory.writer is not None:
            samples = prepared.samples
            images, segs = [sample.image for sample in samples], [sample.seg for sample in samples]
            memory.writer.write(images, segs, [sample.plan.draw for sample in samples], slots.start)
        self.discard(prepared)

    def discard(self, prepared: Prepared) -> None:
        """Release the buffers of the samples. Not before ``put``: the chain may have returned a view of them."""
        for sample in prepared.samples:
            self._buffers.give(sample.buffers)

    def give_back(self, memory: BatchBuffer) -> None:
        """Put the memory back into the ring."""
        self._free.append(memory)

    def _new(self, prepared: Prepared) -> BatchBuffer:
        output = self._output(prepared.samples)
        if output is None or not isinstance(self._chain, WritingChain):
            return BatchBuffer(prepared.part, self._size, self._is_pinned)
        memory = BatchBuffer(output, self._size, self._is_pinned)
        memory.writer = self._chain.writer(memory.data, memory.targets)
        return memory

    def _output(self, samples: Sequence[Sample]) -> Transformed | None:
        key = (len(samples[0].image), len(samples[0].seg))
        if key not in self._outputs:
            chain = self._chain
            self._outputs[key] = chain.output_of(*key) if isinstance(chain, WritingChain) else None
        return self._outputs[key]


def _parts(samples: Sequence[Sample]) -> tuple[list[Tensor], list[Tensor], list[Any]]:
    # The arguments of a chain.
    pairs = [sample.tensors() for sample in samples]
    return [image for image, _ in pairs], [seg for _, seg in pairs], [sample.plan.draw for sample in samples]


class Passthrough:
    """Pass samples on unchanged: another thread transforms a whole batch at once."""

    def __init__(self, buffers: Pool[SampleBuffers]) -> None:
        self._buffers = buffers

    def prepare(self, samples: Sequence[Sample]) -> Prepared:
        """Return the samples unchanged."""
        return Prepared(samples, None)

    def allocate(self, prepared: Prepared) -> dict[int, Sample]:  # noqa: ARG002 -- any sample fits
        """Return a new dictionary, from slot to sample."""
        return {}

    def put(self, memory: dict[int, Sample], slots: range, prepared: Prepared) -> None:
        """Store the samples under their slots."""
        memory.update(zip(slots, prepared.samples, strict=True))

    def discard(self, prepared: Prepared) -> None:
        """Release the samples' buffers."""
        for sample in prepared.samples:
            self._buffers.give(sample.buffers)

    def give_back(self, memory: dict[int, Sample]) -> None:
        """Release the buffers of all samples of a batch."""
        for sample in memory.values():
            self._buffers.give(sample.buffers)
