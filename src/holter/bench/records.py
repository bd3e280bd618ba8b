"""The order for a measurement, and its results. None: not measured; ``left_out`` has the reasons."""

from __future__ import annotations

from typing import Literal

from holter.records import Message, Record, Text

Loader = Literal["stock", "holter"]
LimitName = Literal["network", "augmentation", "reading", "hand-over", "cores"]
# Of the free memory, data up to this much stay in the page cache: the rest is for the training itself.
FITS = 0.5
# What the child reports, in its scratch folder: one JSON object a line.
EVENTS = "events.jsonl"


class Order(Record, frozen=True, kw_only=True):
    """What the child shall measure: training, device, time."""

    dataset: str
    configuration: str
    fold: str
    plans: str
    trainer: str
    device: Literal["auto", "cuda", "cpu"]
    seconds: float  # for all measurements together, without imports and compilation
    cpus: float  # that this process may use
    results: str  # nnUNet_results of the user: read only, for the previous stage of a cascade


class Rate(Record, frozen=True, kw_only=True):
    """Samples per second with a 95 % interval; without bounds: too few measurements for one."""

    per_s: float
    low: float | None = None
    high: float | None = None

    @property
    def spread(self) -> float | None:
        """Half of the interval's width, as a share of the value."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2 / self.per_s


class Side(Record, frozen=True, kw_only=True):
    """One data loader: its parts alone, and all together with the network."""

    loader: Loader
    readers: int  # worker processes, or threads
    a_core: Rate | None = None  # augmentation of cases in memory, per core (CPU time)
    warm: Rate | None = None  # reading with all readers, files in the page cache
    cold: Rate | None = None  # the same, after the page cache was asked to drop the files
    read_cpu_s: float | None = None  # CPU time of reading a sample, warm
    hand_over: Rate | None = None  # of batches that are ready
    together: Rate | None = None
    wait_ratio: float | None = None  # share of the time together in which the step waited for a batch
    ready: float = 0.0  # batches that are ready when an epoch begins
    val_epoch_s: float | None = None  # all validation steps of an epoch


class LeftOut(Record, frozen=True, kw_only=True):
    """What was not measured, or that nothing could be, and why: a code of the reason, and its detail."""

    code: str
    detail: Text = ""


class Measured(Record, frozen=True, kw_only=True):
    device: str  # cuda, cpu
    device_name: str
    kernels: str | None  # instruction set of Holter's kernels on the CPU; None: the twin in torch
    versions: tuple[tuple[str, str], ...]
    patch_size: tuple[int, ...]
    batch_size: int
    iterations: int  # of an epoch
    val_iterations: int
    epochs: int
    save_every: int
    cpus: float
    compute: Rate  # the network alone, with one batch
    compute_cpu_s: float  # CPU time of a sample in it
    val_compute: Rate
    stock: Side
    holter: Side | None
    equal: int | None  # transforms of Holter's that were proved equal; None: not equal, or not tried
    epoch_end_s: float | None
    checkpoint_s: float | None
    checkpoint_bytes: int | None
    data_bytes: int  # files of the fold's training cases
    free_bytes: int | None  # memory that is free for them
    cached_ratio: float | None  # of the training cases' files, in memory when everything was measured together
    left_out: tuple[LeftOut, ...] = ()


class Row(Record, frozen=True, kw_only=True):
    """One ceiling: samples per second, the epoch that it would allow, and its share of the network's ceiling."""

    key: str
    name: Message
    rate: Rate
    epoch_s: float
    share: float
    limits: bool = False


class Forecast(Record, frozen=True, kw_only=True):
    """The times and the limit of a training with one loader."""

    loader: Loader
    readers: int
    share: float  # of the network's ceiling
    spread: float | None  # half of the 95 % interval of the share, absolute
    epoch_s: float
    epoch_low_s: float | None
    epoch_high_s: float | None
    total_s: float
    limit: LimitName
    cores_wanted: float | None  # to feed the network at its ceiling


class Published(Record, frozen=True, kw_only=True):
    """An epoch time that nnU-Net's authors published."""

    gpu: str
    what: str
    low_s: float
    high_s: float
    source: str


class Report(Record, frozen=True, kw_only=True):
    """Everything that ``holter bench`` shows."""

    order: Order
    measured: Measured
    rows: tuple[Row, ...]
    forecasts: tuple[Forecast, ...]
    chosen: Loader  # what ``holter train`` would be best started with
    published: tuple[Published, ...]
    advice: Message
    command: str  # to type, for the advice
    not_measured: tuple[Message, ...]
    took_s: float
