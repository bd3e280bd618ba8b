"""What becomes of samples once they are read: transformed where they were read, or handed on as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch

from holter.loader.stage.buffers import Pool, Sample, SampleBuffers
from holter.loader.stage.chain import Chain, Tensor


class Prepared(NamedTuple):
    """Some samples of a batch, and what ``prepare`` made of them."""

    samples: Sequence[Sample]
    part: Any


class Finish(Protocol):
    """The last part of a reader thread's work."""

    def prepare(self, samples: Sequence[Sample]) -> Prepared:
        """Work that needs no place in the batch yet."""
        ...

    def room(self, prepared: Prepared) -> Any:
        """A place for a whole batch; may wait for a GPU that still copies from it."""
        ...

    def put(self, room: Any, slots: range, prepared: Prepared) -> None:
        """To its place in the batch; several threads do so at once, each for its own slots."""
        ...

    def discard(self, prepared: Prepared) -> None:
        """Somebody else was faster."""
        ...

    def give_back(self, room: Any) -> None:
        """The room of a batch that nobody uses any more."""
        ...


class BatchBuffer:
    """Memory of one transformed batch: ``data`` (B, C, *patch), ``targets`` one a resolution."""

    def __init__(self, like: Any, batch_size: int, is_pinned: bool) -> None:
        self._is_list = not isinstance(like.target, torch.Tensor)
        self.data, *self.targets = (
            torch.empty((batch_size, *each.shape[1:]), dtype=each.dtype, pin_memory=is_pinned)
            for each in (like.image, *self._targets_of(like))
        )
        self.copied: Any = None  # a CUDA event: until then the GPU may still copy from here

    def put(self, slots: range, part: Any) -> None:
        """Copy some samples in."""
        where = slice(slots.start, slots.stop)
        self.data[where].copy_(part.image)
        for room, target in zip(self.targets, self._targets_of(part), strict=True):
            room[where].copy_(target)

    @property
    def target(self) -> Tensor | list[Tensor]:
        """As nnU-Net's loader gives it: a list with deep supervision, else a tensor."""
        return self.targets if self._is_list else self.targets[0]

    def _targets_of(self, part: Any) -> Sequence[Tensor]:
        return part.target if self._is_list else [part.target]


class TransformInWorker:
    """Transform in the reader threads, each sample as soon as it is there, into a ring of batches."""

    def __init__(self, chain: Chain, batch_size: int, buffers: Pool[SampleBuffers], *, is_pinned: bool) -> None:
        self._chain, self._size, self._buffers, self._is_pinned = chain, batch_size, buffers, is_pinned
        self._rooms: deque[BatchBuffer] = deque()

    def prepare(self, samples: Sequence[Sample]) -> Prepared:
        """See Finish."""
        images, segs = [sample.image for sample in samples], [sample.seg for sample in samples]
        with torch.no_grad():
            return Prepared(
                samples, self._chain.apply(images, segs, [sample.plan.draw for sample in samples], device="cpu")
            )

    def room(self, prepared: Prepared) -> BatchBuffer:
        """See Finish; the one that has rested longest comes first."""
        try:
            room = self._rooms.popleft()
        except IndexError:
            return BatchBuffer(prepared.part, self._size, self._is_pinned)
        if room.copied is not None:
            room.copied.synchronize()
            room.copied = None
        return room

    def put(self, room: BatchBuffer, slots: range, prepared: Prepared) -> None:
        """See Finish."""
        room.put(slots, prepared.part)
        self.discard(prepared)

    def discard(self, prepared: Prepared) -> None:
        """See Finish. Only now: the chain may have returned a view of what was read."""
        for sample in prepared.samples:
            self._buffers.give(sample.buffers)

    def give_back(self, room: BatchBuffer) -> None:
        """See Finish."""
        self._rooms.append(room)


class Passthrough:
    """Keep samples as they are: somebody else transforms them, a whole batch at once."""

    def __init__(self, buffers: Pool[SampleBuffers]) -> None:
        self._buffers = buffers

    def prepare(self, samples: Sequence[Sample]) -> Prepared:
        """See Finish."""
        return Prepared(samples, None)

    def room(self, prepared: Prepared) -> dict[int, Sample]:  # noqa: ARG002 -- any sample fits
        """See Finish."""
        return {}

    def put(self, room: dict[int, Sample], slots: range, prepared: Prepared) -> None:
        """See Finish."""
        room.update(zip(slots, prepared.samples, strict=True))

    def discard(self, prepared: Prepared) -> None:
        """See Finish."""
        for sample in prepared.samples:
            self._buffers.give(sample.buffers)

    def give_back(self, room: dict[int, Sample]) -> None:
        """See Finish."""
        for sample in room.values():
            self._buffers.give(sample.buffers)
