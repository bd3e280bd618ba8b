"""Facts about what a GPU offers the run: memory, a MIG slice, the PCIe link, and whether it really works."""

from __future__ import annotations

from collections.abc import Iterable

from holter.evidence.fact_book import FactBook
from holter.evidence.facts.gpu.graphics import WHICH, used_by_us
from holter.evidence.reasons import NO_GPU
from holter.evidence.window import Window, last, middle
from holter.records import GpuSample, GpuSlice, Message, Text
from holter.sentences import define, joined

# Bytes per second and lane, after coding, by PCIe generation.
LANE_BYTES_PER_S = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
# An idle GPU lowers its link speed on purpose; no driver was seen to do so at this utilisation.
LOADED_RATIO = 0.3
# A single reading may come from before the link was raised.
LOADED_READINGS = 3
# A kernel that only waits (a collective, memory across the bus) counts as utilisation but draws hardly more power than
# an idle GPU; real training was seen at over half of the limit.
SPIN_RATIO, SPIN_POWER = 0.95, 0.35
NAMES = (
    "gpu.memory_ratio", "gpu.spinning", "gpu.pcie_ratio", "gpu.pcie_busy_ratio", "gpu.mig", "gpu.slice",
    "gpu.slice_bytes", "gpu.capability",
)  # fmt: skip

LINK = define("seen.gpu.link", "GPU {gpu}: PCIe {generation}.0 x{width} of {best_generation}.0 x{best_width}")
SPINNING = define("seen.gpu.spinning", "GPU {gpu} ({busy:percent} % busy at {power:percent} % of its power)")
DRIVER_SILENT = define("why.gpu.driver-silent", "the driver does not report it")
NO_MIG = define("why.gpu.no-mig", "no MIG")
WHICH_SLICE = define("why.gpu.which-slice", "which of the slices this run uses is not known")
SIZE_UNREAD = define("why.gpu.slice-size-unread", "its size cannot be read")
POWER_UNREAD = define("why.gpu.power-unread", "power or utilisation cannot be read")
NOT_LOADED = define("why.gpu.link-not-loaded", "the link was not read under load")


def collect(window: Window, book: FactBook) -> None:
    """State the readings of the GPUs that this run uses."""
    samples = window.gpus(window.all)
    own_gpus = used_by_us(samples)
    indices = {gpu.index for gpu in own_gpus}
    now = tuple(gpu for gpu in window.gpus() or samples[-5:] if gpu.index in indices)
    if not now:
        book.absent(NAMES, NO_GPU(), is_sure=book.value("gpu.present") is False, otherwise=WHICH())
        return
    book.known("gpu.capability", last(gpu.compute_capability for gpu in own_gpus), unless=DRIVER_SILENT())
    own_slices = _slices(window, book, now)
    _memory(book, now, own_slices)
    _spinning(book, now)
    _link(book, tuple(gpu for gpu in own_gpus if _loaded(gpu)))


def _loaded(gpu: GpuSample) -> bool:
    return (gpu.utilization_ratio or 0.0) >= LOADED_RATIO and "gpu-idle" not in (gpu.clock_reasons or ())


# Samples of the MIG slice of this run: the slice that lists our process, or the only visible one.
def _slices(window: Window, book: FactBook, now: tuple[GpuSample, ...]) -> tuple[GpuSlice, ...]:
    mig = last(gpu.mig for gpu in now)
    book.known("gpu.mig", mig, unless=DRIVER_SILENT())
    if not mig:
        for name in ("gpu.slice", "gpu.slice_bytes"):
            book.not_applicable(name, NO_MIG()) if mig is False else book.unknown(name, DRIVER_SILENT())
        return ()
    pids = {process.pid for tick in window.all for process in tick.processes}
    seen = [mig_slice for gpu in now for mig_slice in gpu.slices or ()]
    own = [mig_slice for mig_slice in seen if pids & set(mig_slice.pids or ())]
    if not own and len({mig_slice.uuid for mig_slice in seen}) == 1:
        own = seen
    book.known("gpu.slice", last(mig_slice.name for mig_slice in own), unless=WHICH_SLICE())
    book.known("gpu.slice_bytes", last(mig_slice.memory_total_bytes for mig_slice in own), unless=SIZE_UNREAD())
    return tuple(own)


def _memory(book: FactBook, now: tuple[GpuSample, ...], own_slices: tuple[GpuSlice, ...]) -> None:
    readings: Iterable[GpuSample | GpuSlice] = own_slices or now
    shares = [
        reading.memory_used_bytes / reading.memory_total_bytes
        for reading in readings
        if reading.memory_used_bytes is not None and reading.memory_total_bytes
    ]
    book.known("gpu.memory_ratio", max(shares, default=None))


def _spinning(book: FactBook, now: tuple[GpuSample, ...]) -> None:
    spinning: list[tuple[int, float, float]] = []
    measured = False
    for index in sorted({gpu.index for gpu in now}):
        readings = [gpu for gpu in now if gpu.index == index]
        busy = middle(gpu.utilization_ratio for gpu in readings)
        power = middle(gpu.power_w / gpu.power_limit_w for gpu in readings if gpu.power_w and gpu.power_limit_w)
        measured = measured or (busy is not None and power is not None)
        if busy is not None and power is not None and busy >= SPIN_RATIO and power <= SPIN_POWER:
            spinning.append((index, busy, power))
    # The value is the same in all languages; the detail is for people.
    names = tuple(f"GPU {index} ({busy:.0%} busy at {power:.0%} of its power)" for index, busy, power in spinning)
    words = tuple(SPINNING(gpu=index, busy=busy, power=power) for index, busy, power in spinning)
    book.known("gpu.spinning", names if measured else None, joined(*words), words=words, unless=POWER_UNREAD())


# For the GPU with the worst link: the best link that it showed under load.
def _link(book: FactBook, loaded: tuple[GpuSample, ...]) -> None:
    ratios: list[tuple[float, Message]] = []
    shares: list[float] = []
    for index in sorted({gpu.index for gpu in loaded}):
        readings = [gpu for gpu in loaded if gpu.index == index]
        links = [(share, gpu) for gpu in readings if (share := _share(gpu)) is not None]
        if len(links) >= LOADED_READINGS:
            share, best = max(links, key=lambda link_share: link_share[0])
            link = LINK(
                gpu=index,
                generation=best.pcie_generation,
                width=best.pcie_width,
                best_generation=best.pcie_generation_max,
                best_width=best.pcie_width_max,
            )
            ratios.append((share, link))
        shares += [traffic for gpu in readings if (traffic := _traffic(gpu)) is not None]
    worst = min(ratios, key=lambda ratio: ratio[0], default=None)
    why: Text = DRIVER_SILENT() if loaded else NOT_LOADED()
    book.known("gpu.pcie_ratio", worst[0] if worst else None, worst[1] if worst else "", unless=why)
    book.known("gpu.pcie_busy_ratio", max(shares, default=None), unless=why)


def _speed(generation: int | None, width: int | None) -> float | None:
    lane = LANE_BYTES_PER_S.get(generation or 0)
    return lane * width if lane is not None and width else None


def _share(gpu: GpuSample) -> float | None:
    now, most = _speed(gpu.pcie_generation, gpu.pcie_width), _speed(gpu.pcie_generation_max, gpu.pcie_width_max)
    return min(1.0, now / most) if now is not None and most is not None else None


def _traffic(gpu: GpuSample) -> float | None:
    speed = _speed(gpu.pcie_generation, gpu.pcie_width)
    moved = [rate for rate in (gpu.pcie_rx_bytes_per_s, gpu.pcie_tx_bytes_per_s) if rate is not None]
    return min(1.0, max(moved) / speed) if moved and speed is not None else None
