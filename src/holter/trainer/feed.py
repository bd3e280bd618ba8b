"""The source of a trainer's batches: Holter's loader, which can be replaced in the middle of an epoch.

Batch n depends only on seed, stream and n. So a loader that has to be closed (the GPU has no memory for its
transforms, or a checkpoint has another seed) is replaced by one that continues with the next batch.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from holter.errors import LoaderClosed, LoaderFailed
from holter.loader import Loader
from holter.trainer.loader_log import LoaderLog
from holter.trainer.sentences import CLOSED

State = dict[str, int]


class Place(NamedTuple):
    """The device of the transforms, in torch's notation."""

    device: str

    @property
    def is_gpu(self) -> bool:
        """Return whether the device is a GPU, whose memory may not be enough."""
        return self.device.startswith("cuda")


Make = Callable[[Place, int], Loader]


class Feed:
    """An endless iterator of nnU-Net's batches; the hook wraps ``__next__`` like that of nnU-Net's augmenters.

    The first batch, or ``start``, creates the loader.
    """

    num_processes = 0  # nnU-Net's name for the number of worker processes

    def __init__(self, make: Make, place: Place, seed: int, stream: int, log: LoaderLog) -> None:
        self._make, self.place, self._log = make, place, log
        self._seed, self._stream, self._step = seed, stream, 0
        self._loader: Loader | None = None
        self._is_closed = False
        self._is_proved = False  # at least one batch has been made on the current device

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> dict[str, Any]:
        batch: dict[str, Any] | None = None
        reason: str | None = None
        try:
            batch = next(self.start())
        except LoaderFailed as error:
            reason = self._why_not_on_gpu(error.__cause__)
            if reason is None:
                raise
        if batch is None:  # outside the handler: its traceback would keep the tensors of the failed batch
            self.move_to_cpu(reason)
            batch = next(self.start())
        self._is_proved = True
        self._step += 1
        return batch

    def start(self) -> Loader:
        """Start reading ahead; return the loader.

        Raises:  LoaderClosed.
        """
        if self._is_closed:
            raise LoaderClosed(CLOSED())
        if self._loader is None:
            self._loader = self._make(self.place, self._seed)
            if self._step:
                self._loader.restore(self._step)
            if self._loader.backend.note:
                self._log.say("reading", note=self._loader.backend.note)
            self._loader.start()
        return self._loader

    def move_to_cpu(self, reason: str | None = None, *, retries: int = 0) -> None:
        """Transform the following batches on the CPU.

        ``reason``: the failure; None: the GPU is out of memory, or almost: how often torch emptied its cache for space.
        """
        if not self.place.is_gpu:
            return
        self._drop()
        self.place = Place("cpu")
        gc.collect()  # the error's traceback and the stage form a cycle that holds the tensors of the batch
        torch.cuda.empty_cache()
        if retries:
            self._log.say("gpu-crowded", step=self._step, retries=retries)
        else:
            self._log.say("gpu-out-of-memory" if not reason else "gpu-failed", step=self._step, reason=reason)

    def state_dict(self) -> State:
        """Return seed, stream and step for a checkpoint; also works when closed."""
        return {"seed": self._seed, "stream": self._stream, "step": self._step}

    def load_state_dict(self, state: State) -> None:
        """Continue with the next batch after the checkpoint. With several GPUs, each keeps its own stream."""
        if (state["seed"], state["step"]) == (self._seed, self._step):
            return
        if state["seed"] != self._seed:
            self._drop()
        self._seed, self._step = int(state["seed"]), int(state["step"])
        if self._loader is not None:
            self._loader.restore(self._step)

    def close(self) -> None:
        """End the threads and free the memory; the feed cannot be used after that."""
        self._is_closed = True
        left = self._drop()
        if left:
            self._log.say("left-behind", names=", ".join(left))

    def _why_not_on_gpu(self, error: BaseException | None) -> str | None:
        # The reason to move the transforms to the CPU, empty if out of memory; None: moving would not help.
        if not self.place.is_gpu:
            return None
        if isinstance(error, torch.cuda.OutOfMemoryError):
            return ""
        # No compiler for the kernel, or too old a driver: the first batch shows it, and the CPU needs neither.
        return None if self._is_proved else f"{type(error).__name__}: {error}"

    def _finish(self, *_: Any, **__: Any) -> None:
        # nnU-Net's augmenters have this name, and code that ends a training early calls it.
        self.close()

    def _drop(self) -> tuple[str, ...]:
        loader, self._loader = self._loader, None
        return () if loader is None else loader.close()
