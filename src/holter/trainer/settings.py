"""Settings of Holter's data loader: environment variables, because nnU-Net's commands accept no other options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from holter.errors import BadInput
from holter.sizes import GIB

THREADS = "HOLTER_LOADER_THREADS"
BATCHES = "HOLTER_LOADER_BATCHES"
RAM_GB = "HOLTER_LOADER_RAM_GB"
FLOAT16 = "HOLTER_LOADER_FLOAT16"
STRICT = "HOLTER_LOADER_STRICT"
TRANSFORMS = "HOLTER_LOADER_TRANSFORMS"
# "stock": nnU-Net's own; set by the supervisor if ours has ended a training twice. "auto": chosen by measurement.
LOADER = "HOLTER_LOADER"
STOCK_WORKERS = "nnUNet_n_proc_DA"

# Readers if transforms run on the GPU: one reads 100 samples per second at 128 x 128 x 128, and an H200 trains 33; the
# others are for slow disks.
MOST_READERS = 4
# nnU-Net's own number of worker processes.
MOST_TRANSFORMERS = 12
# Whole cases in memory, of all loaders together: enough for small data sets and for 2D with hundreds of samples per
# batch, and acceptable for other users of a shared server.
RAM_SHARE = 0.25
RAM_MOST_BYTES = 8 * GIB
YES = ("1", "true", "t", "yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The user's settings; None: not set."""

    threads: int | None = None
    batches: int | None = None  # kept ahead in training; each takes the memory of a batch
    ram_bytes: int | None = None
    ram_as_float16: bool = False
    is_strict: bool = False  # stop at the first case that cannot be read
    transforms_on_gpu: bool = False  # where one trains; less was measured of them there than on the CPU
    wants_stock: bool = False
    chooses: bool = False  # nnU-Net's or Holter's loader, by measurement
    most_threads: int | None = None  # the number of worker processes that the user set for nnU-Net's own loader

    def readers(self, *, gpu_transforms: bool, gpu_training: bool) -> int:
        """Return the number of reading threads of one loader."""
        if self.threads is not None:
            return self.threads
        cpus = usable_cpus()
        if gpu_transforms:
            wanted = min(cpus, MOST_READERS)
        elif gpu_training:
            wanted = min(cpus, MOST_TRANSFORMERS)
        else:
            wanted = min(cpus // 2, MOST_TRANSFORMERS)  # the network uses the other half
        return max(1, wanted if self.most_threads is None else min(wanted, self.most_threads))


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in the environment.

    Raises:  BadInput for an invalid value.
    """
    # ``holter.trainer.shortened`` imports this module, and nothing but Python until it trains.
    from holter.trainer.sentences import AT_LEAST_ONE, NOT_CPU_OR_GPU

    given = os.environ if variables is None else variables
    threads, batches = _number(given, THREADS), _number(given, BATCHES)
    ram_gb = _number(given, RAM_GB)
    where = given.get(TRANSFORMS, "").lower()
    if where not in ("", "cpu", "gpu"):
        raise BadInput(NOT_CPU_OR_GPU(name=TRANSFORMS, value=where), next_step=f"unset {TRANSFORMS}")
    for name, value in ((THREADS, threads), (BATCHES, batches)):
        if value is not None and value < 1:
            raise BadInput(AT_LEAST_ONE(name=name, value=value), next_step=f"unset {name}")
    workers, loader = given.get(STOCK_WORKERS, ""), given.get(LOADER, "").lower()
    return Settings(
        threads=None if threads is None else int(threads),
        batches=None if batches is None else int(batches),
        ram_bytes=None if ram_gb is None else int(max(0.0, ram_gb) * GIB),
        ram_as_float16=given.get(FLOAT16, "").lower() in YES,
        is_strict=given.get(STRICT, "").lower() in YES,
        transforms_on_gpu=where == "gpu",
        wants_stock=loader == "stock",
        chooses=loader == "auto",
        most_threads=max(1, int(workers)) if workers.isdecimal() else None,
    )


def usable_cpus() -> int:
    """Return the number of CPUs that a scheduler, ``taskset`` or a container lets this process use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _number(given: Mapping[str, str], name: str) -> float | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        from holter.trainer.sentences import NOT_A_NUMBER

        raise BadInput(NOT_A_NUMBER(name=name, value=text), next_step=f"unset {name}") from None
