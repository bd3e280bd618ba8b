"""Options of the loader: numbers of threads and batches, memory, time limits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from holter.loader.read.watchdog import READ_LIMIT_S
from holter.loader.records import ReadTrouble
from holter.loader.stage.buffers import INT8_MOST


def _warn(trouble: ReadTrouble) -> None:
    warnings.warn(f"{trouble.kind}: case {trouble.case}, {trouble.file}: {trouble.detail}", stacklevel=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the loader; only ``ram_as_float16`` changes the content of a batch."""

    threads: int = 2
    depth: int = 4  # batches that are ready or in preparation; each uses the memory of a batch
    device: str = "cpu"  # device of the batches; on "cuda" the transforms run there too
    is_batched: bool = False  # transform whole batches in one thread on the CPU too, as on a GPU
    is_pinned: bool = False  # for batches made on the CPU that the trainer copies to a GPU
    trainer_device: str = "cpu"  # of the trainer that copies them
    is_reused: bool = (
        True  # the memory of a batch is used again once what was requested of that device until then is done
    )
    ram_budget_bytes: int = 0  # for whole cases, decompressed; see ram_budget_bytes()
    ram_as_float16: bool = False  # see RamCache for its error
    read_limit_s: float = READ_LIMIT_S
    is_strict: bool = False  # stop at the first case that cannot be read
    largest_label: int = INT8_MOST  # in segmentations of both stages; above 127 they are int16
    on_trouble: Callable[[ReadTrouble], None] = _warn  # called in any of the loader's threads
