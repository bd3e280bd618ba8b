"""Settings that are compared, what was measured with them, and the result. None: not measured, or not applicable."""

from __future__ import annotations

from holter.bench.records import LeftOut, Loader, Order
from holter.records import Message, Record, Text


class Candidate(Record, frozen=True, kw_only=True):
    """The settings of a training that are compared: loader, readers, batches ahead."""

    loader: Loader
    readers: int  # nnUNet_n_proc_DA for nnU-Net's loader, HOLTER_LOADER_THREADS for Holter's
    batches: int | None = None  # HOLTER_LOADER_BATCHES; None for nnU-Net's loader, which derives it from its workers


class TuneOrder(Order, frozen=True, kw_only=True):
    """What the child process of ``holter tune`` compares, within ``seconds``."""

    present_loader: Loader  # of a training without any change
    present_readers: int | None = None  # threads of the choice that --loader auto has kept
    sweeps: int = 0  # rounds over every setting instead of a search, for the benchmark
    only: tuple[Candidate, ...] = ()  # with ``sweeps``: these settings instead of every one


class Block(Record, frozen=True, kw_only=True):
    """Some training steps with one candidate: samples per second, share of waiting, busy cores."""

    per_s: float  # samples
    wait_ratio: float  # share of the time in which the steps waited for batches
    busy_cores: float  # CPU seconds per second, of network and loader


class Interval(Record, frozen=True, kw_only=True):
    """A ratio of two speeds with its 95 % interval; without bounds: too few pairs."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def half(self) -> float | None:
        """Half of the interval's width, as a share of the value."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2 / self.value


class Trial(Record, frozen=True, kw_only=True):
    """One candidate and the mean of its blocks."""

    candidate: Candidate
    blocks: int
    per_s: float
    of_best: Interval  # its speed as a share of the fastest one's, in the same rounds


class Failed(Record, frozen=True, kw_only=True):
    """A candidate with which a training fails here, and how."""

    candidate: Candidate
    reason: Text


class Bounds(Record, frozen=True, kw_only=True):
    """The resources of the machine, and the most workers and threads that the search tries because of them."""

    cpus: float  # that affinity, cpuset and quota leave
    cores: int  # of the machine; nnU-Net starts no more workers
    memory_bytes: int | None  # free, of the machine or the control group
    shm_bytes: int | None  # free in /dev/shm, through which nnU-Net's batches pass
    batch_bytes: int
    most_workers: int
    most_threads: int
    limited_by: tuple[str, ...] = ()  # "memory", "shm": fewer than the cores alone would allow


class Tuned(Record, frozen=True, kw_only=True):
    """What the child process of ``holter tune`` measured with real training steps, and the settings that it chose."""

    device: str
    device_name: str
    bounds: Bounds
    present: Candidate
    chosen: Candidate
    trials: tuple[Trial, ...]  # the fastest first
    gain: Interval | None  # chosen over present; None: a training with the present one fails here
    is_settled: bool  # every interval that decided became narrow enough in time
    network_per_s: float  # the network alone
    failed: tuple[Failed, ...]
    block: Block  # means of the chosen candidate
    compiled: Interval | None  # speed of the network with torch.compile over that without
    is_compiled: bool  # now
    data_bytes: int
    measured_s: float
    left_out: tuple[LeftOut, ...] = ()


class TuneReport(Record, frozen=True, kw_only=True):
    """Everything that ``holter tune`` shows."""

    order: TuneOrder
    tuned: Tuned
    variables: tuple[tuple[str, str], ...]  # to export
    command: str  # of the training
    more: Message  # what would gain more
    not_measured: tuple[Message, ...]
    took_s: float
    wrote: str | None = None  # the file


class Progress(Record, frozen=True, kw_only=True):
    """How far the search has come."""

    phase: str
    blocks: int
    candidates: int  # that are still compared
    left_s: float
