"""What a trainer takes its batches from: Holter's loader, which can be made anew in the middle of an epoch.

Batch n depends on seed, stream and n alone, so a loader that had to go (the GPU has no memory for its transforms, a
checkpoint knows another seed) is replaced by one that continues with the very next batch.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from holter.errors import LoaderClosed, LoaderFailed
from holter.loader import Loader
from holter.trainer.loader_log import LoaderLog

State = dict[str, int]


class Place(NamedTuple):
    """Where transforms run, in torch's words."""

    device: str

    @property
    def is_gpu(self) -> bool:
        """Whether that is where memory can be short."""
        return self.device.startswith("cuda")


Make = Callable[[Place, int], Loader]


class Feed:
    """An endless iterator of nnU-Net's batches; the hook watches ``__next__`` as it does nnU-Net's augmenters.

    The loader is made by the first batch, or by ``start``.
    """

    num_processes = 0  # nnU-Net's name: worker processes

    def __init__(self, make: Make, place: Place, seed: int, stream: int, teller: LoaderLog) -> None:
        self._make, self._place, self._teller = make, place, teller
        self._seed, self._stream, self._step = seed, stream, 0
        self._loader: Loader | None = None
        self._is_closed = False
        self._is_proved = False  # a batch has come from where transforms run now

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
        if batch is None:  # not in the handler: its traceback would keep the tensors of the batch that failed
            self.move_to_cpu(reason)
            batch = next(self.start())
        self._is_proved = True
        self._step += 1
        return batch

    @property
    def place(self) -> Place:
        """Where transforms run now."""
        return self._place

    def start(self) -> Loader:
        """Begin to read ahead; the loader.

        Raises:  LoaderClosed.
        """
        if self._is_closed:
            raise LoaderClosed("the data loader was closed")
        if self._loader is None:
            self._loader = self._make(self._place, self._seed)
            if self._step:
                self._loader.restore(self._step)
            if self._loader.backend.note:
                self._teller.say("reading", note=self._loader.backend.note)
            self._loader.start()
        return self._loader

    def move_to_cpu(self, reason: str | None = None) -> None:
        """Let the batches that follow be transformed on the CPU; without a reason, the GPU has no memory for it."""
        if not self._place.is_gpu:
            return
        self._drop()
        self._place = Place("cpu")
        gc.collect()  # the error's traceback and the stage hold each other, and the tensors of the batch
        torch.cuda.empty_cache()
        self._teller.say("gpu-out-of-memory" if not reason else "gpu-failed", step=self._step, reason=reason)

    def state_dict(self) -> State:
        """Where it stands, for a checkpoint; also when it is closed."""
        return {"seed": self._seed, "stream": self._stream, "step": self._step}

    def load_state_dict(self, state: State) -> None:
        """Go on with the batch that a checkpoint waits for. Each GPU of several keeps its own stream."""
        if (state["seed"], state["step"]) == (self._seed, self._step):
            return
        if state["seed"] != self._seed:
            self._drop()
        self._seed, self._step = int(state["seed"]), int(state["step"])
        if self._loader is not None:
            self._loader.restore(self._step)

    def close(self) -> None:
        """End its threads and give back its memory; it cannot be used after that."""
        self._is_closed = True
        left = self._drop()
        if left:
            self._teller.say("left-behind", names=", ".join(left))

    def _why_not_on_gpu(self, error: BaseException | None) -> str | None:
        """What to say before transforms go to the CPU, empty for a want of memory; None: it would not help."""
        if not self._place.is_gpu:
            return None
        if is_out_of_memory(error):
            return ""
        # No compiler for the kernel, a driver too old for it: that shows at once, and the CPU needs neither.
        return None if self._is_proved else f"{type(error).__name__}: {error}"

    def _finish(self, *_: Any, **__: Any) -> None:
        """Named as in nnU-Net's augmenters, for whoever ends a training in the middle."""
        self.close()

    def _drop(self) -> tuple[str, ...]:
        loader, self._loader = self._loader, None
        return () if loader is None else loader.close()


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether the GPU had no memory left."""
    return isinstance(error, torch.cuda.OutOfMemoryError)
