"""Whole batches on the GPU: copied on one stream, transformed on another, while the previous batch trains."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from holter.loader.scheduler import POLL_S, Batch, Dispatch
from holter.loader.stage.buffers import Sample
from holter.loader.stage.chain import Chain, Tensor
from holter.loader.stage.collate import Passthrough

THREAD_NAME = "holter-stage"
ALIGNED = 64  # numbers: every box begins at a multiple of as many bytes
READY_BATCHES = 1  # besides the one in training and the one in preparation: GPU memory is scarce


class Staged(NamedTuple):
    """A batch on the device; ``done`` is a CUDA event, None on other devices."""

    step: int
    image: Tensor
    target: Any
    keys: list[str]
    done: Any


class BoxMemory:
    """Memory on the device for the boxes of one batch.

    It is allocated once, for the largest boxes: their sizes differ in each batch, and torch's own allocator would ask
    the driver for new pieces, for which the GPU waits, until it has enough of every size.
    """

    def __init__(self, device: torch.device, most_voxels: int) -> None:
        """``most_voxels``: of a box."""
        self._device, self._most_voxels = device, most_voxels
        self._flat: dict[torch.dtype, Tensor] = {}

    def filled(self, boxes: Sequence[Tensor], used_by: Any = None) -> list[Tensor]:
        """Return copies of the boxes of one batch on the device, valid until the next call with the same type.

        ``used_by``: the CUDA stream that will read them, if it is not the current one.
        Shapes:  boxes (C, *box), with the same C and type in all calls.
        """
        if not boxes:
            return []
        each = -(-len(boxes[0]) * self._most_voxels // ALIGNED) * ALIGNED
        flat = self._flat.get(boxes[0].dtype)
        if flat is None or len(flat) < each * len(boxes):
            flat = torch.empty(each * len(boxes), dtype=boxes[0].dtype, device=self._device)
            if used_by is not None:
                flat.record_stream(used_by)
            self._flat[boxes[0].dtype] = flat
        places = [flat[each * slot :][: box.numel()].view(box.shape) for slot, box in enumerate(boxes)]
        for place, box in zip(places, boxes, strict=True):
            place.copy_(box, non_blocking=True)
        return places


class DeviceStage(threading.Thread):
    """Moves batches of untransformed samples to the device and transforms them there."""

    def __init__(self, dispatch: Dispatch, finish: Passthrough, chain: Chain, device: Any, most_voxels: int) -> None:
        """``most_voxels``: of what is read for a sample."""
        super().__init__(name=THREAD_NAME, daemon=True)
        self._dispatch, self._finish, self._chain = dispatch, finish, chain
        self._device = torch.device(device)
        self._is_cuda = self._device.type == "cuda"
        self._boxes = BoxMemory(self._device, most_voxels)
        self._transformed: Any = None  # a CUDA event: until it is done the GPU may read the boxes
        self._ready: queue.Queue[Staged] = queue.Queue(READY_BATCHES)

    def run(self) -> None:
        """Process batches until the dispatch is stopped."""
        try:
            streams = (torch.cuda.Stream(self._device), torch.cuda.Stream(self._device)) if self._is_cuda else None
            while not self._dispatch.is_stopped:
                batch = self._dispatch.next_batch()
                self._hand_over(self._transform(batch, streams))
                self._finish.give_back(batch.memory)
        except BaseException as error:  # noqa: BLE001 -- it is raised again in the trainer's thread
            if not self._dispatch.is_stopped:
                self._dispatch.fail(error)

    def next(self, step: int) -> Staged:
        """Wait for the batch of this step and return it; older ones, from before a restart, are dropped."""
        while True:
            try:
                staged = self._ready.get(timeout=POLL_S)
            except queue.Empty:
                self._dispatch.check()
                continue
            if staged.step == step:
                return staged

    def _hand_over(self, staged: Staged) -> None:
        while not self._dispatch.is_stopped:
            try:
                self._ready.put(staged, timeout=POLL_S)
            except queue.Full:
                continue
            return

    def _transform(self, batch: Batch, streams: tuple[Any, Any] | None) -> Staged:
        samples: list[Sample] = [batch.memory[slot] for slot in range(len(batch.keys))]
        draws = [sample.plan.draw for sample in samples]
        read = [sample.tensors() for sample in samples]
        if streams is None:
            images, segs = [image for image, _ in read], [seg for _, seg in read]
            with torch.no_grad():
                out = self._chain.apply(images, segs, draws, device=self._device)
            return Staged(batch.step, out.image, out.target, batch.keys, None)
        copy, side = streams
        with torch.cuda.stream(copy):
            if self._transformed is not None:
                copy.wait_event(self._transformed)
            images = self._boxes.filled([image for image, _ in read], used_by=side)
            segs = self._boxes.filled([seg for _, seg in read], used_by=side)
        # A blocking event sleeps; the default one would spin on one of the two cores.
        copied, done = torch.cuda.Event(blocking=True), torch.cuda.Event()
        copied.record(copy)
        side.wait_event(copied)
        with torch.no_grad(), torch.cuda.stream(side):
            out = self._chain.apply(images, segs, draws, device=self._device)
        done.record(side)
        self._transformed = done
        copied.synchronize()  # the pinned memory is free from here on
        return Staged(batch.step, out.image, out.target, batch.keys, done)
