"""A trainer whose process frees memory twice, as faulty native code does."""

from __future__ import annotations

import ctypes
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faults.trainers.armed import is_armed


class nnUNetTrainerFreesTwice(nnUNetTrainer):  # type: ignore[misc]
    """Stock training until the file exists; then the C library finds its heap damaged and aborts."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        if is_armed():
            library = ctypes.CDLL(None)
            library.malloc.restype = ctypes.c_void_p
            pointer = ctypes.c_void_p(library.malloc(ctypes.c_size_t(100_000)))
            library.free(pointer)
            library.free(pointer)
        return super().train_step(batch)
