"""Ticks -> the series of the timeline's charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from holter.history.growth import Growth
from holter.history.ranks import main_beat
from holter.records import Beat, GpuSample, Tick
from holter.reports.html.thinning import Grid, Points, Thinner
from holter.sizes import GIB, MIB
from holter.tape import Recording


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a chart. ``raw_scale`` converts its value to the measured unit, e.g. percent to watts."""

    key: str
    points: Points
    limit: bool = False  # drawn dashed: a bound, not a measurement
    raw_scale: float | None = None
    raw_unit: str = ""


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that share an axis."""

    key: str
    unit: str
    series: tuple[Series, ...]
    index: int | None = None  # which GPU
    top: float | None = None  # end of the axis; None: the largest value


# Charts in the order of the question "where does the time go?": the GPU, progress, steps, then other resources.
CHARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("progress", "s", ("progress-age",)),
    ("steps", "s", ("data-wait", "compute")),
    ("queues", "batches", ("ready-queue", "worker-queue")),
    ("cpu", "cores", ("tree-cpu", "host-cpu", "effective-cpus")),
    ("memory", "gib", ("tree-rss", "cgroup-memory", "memory-available", "memory-limit")),
    ("pressure", "percent", ("pressure-cpu", "pressure-io", "pressure-memory")),
    ("storage", "mib-per-s", ("tree-read",)),
    ("network", "mib-per-s", ("network-received", "network-sent")),
)
LIMITS = frozenset({"effective-cpus", "memory-limit"})
# By the counter whose growth they show.
TRAFFIC = {"read": "tree-read", "received": "network-received", "sent": "network-sent"}
GPU_KEYS = ("gpu-utilization", "gpu-power", "gpu-clock", "gpu-memory")


def charts(recording: Recording, grid: Grid) -> tuple[Chart, ...]:
    """Return the charts that have data, in order."""
    thinners: dict[tuple[str, int], Thinner] = {}
    readings = Readings()
    for tick in recording.ticks():
        for key, index, value in readings.of(tick):
            if value is not None:
                thinners.setdefault((key, index), Thinner(grid)).add(tick.t_s, value)
    tops = readings.tops
    indexes = sorted({index for name, index in thinners if name in GPU_KEYS})
    all_charts = [
        Chart(key="gpu", unit="percent", index=index, top=100.0, series=_series(thinners, tops, GPU_KEYS, index))
        for index in indexes
    ]
    for key, unit, names in CHARTS:
        top = 100.0 if unit == "percent" else None
        all_charts.append(Chart(key=key, unit=unit, series=_series(thinners, tops, names, 0), top=top))
    return tuple(chart for chart in all_charts if any(not series.limit for series in chart.series))


def _series(
    thinners: dict[tuple[str, int], Thinner],
    tops: dict[tuple[str, int], tuple[float, str]],
    names: tuple[str, ...],
    index: int,
) -> tuple[Series, ...]:
    series = []
    for name in names:
        thinner = thinners.get((name, index))
        if thinner is None:
            continue
        scale, unit = tops.get((name, index), (None, ""))
        series.append(Series(key=name, points=thinner.points(), limit=name in LIMITS, raw_scale=scale, raw_unit=unit))
    return tuple(series)


Value = tuple[str, int, float | None]


class Readings:
    """Computes the values of the charts, tick by tick, oldest first.

    Charts are in percent; ``tops`` has the value of 100 % in the measured unit, such as watts.
    """

    def __init__(self) -> None:
        self._rates = _Rates()
        self.tops: dict[tuple[str, int], tuple[float, str]] = {}

    def of(self, tick: Tick) -> Iterator[Value]:
        """Yield the values of one tick, each as (name of the series, number of the GPU or 0, value)."""
        yield from _states(tick)
        yield from self._rates.of(tick)
        yield from _gpu_values(tick, self.tops)


def _states(tick: Tick) -> Iterator[Value]:
    main = main_beat(tick)
    if main is not None and main.phase != "unknown":
        if main.progressed_s is not None:
            yield "progress-age", 0, max(0.0, tick.t_s - main.progressed_s)
        yield "ready-queue", 0, main.ready_queue
        yield "worker-queue", 0, main.worker_queue
    used = [process.cpu_ratio for process in tick.processes if process.cpu_ratio is not None]
    resident = [process.rss_bytes for process in tick.processes if process.rss_bytes is not None]
    yield "tree-cpu", 0, sum(used) if used else None
    yield "tree-rss", 0, sum(resident) / GIB if resident else None
    if tick.host is not None:
        host = tick.host
        yield "host-cpu", 0, _product(host.cpu_busy_ratio, host.cpu_count)
        yield "memory-available", 0, _part(host.memory_available_bytes, GIB)
        yield "pressure-cpu", 0, _product(host.pressure_cpu_some_ratio, 100)
        yield "pressure-io", 0, _product(host.pressure_io_some_ratio, 100)
        yield "pressure-memory", 0, _product(host.pressure_memory_some_ratio, 100)
    if tick.cgroup is not None:
        yield "effective-cpus", 0, tick.cgroup.effective_cpus
        yield "cgroup-memory", 0, _part(tick.cgroup.memory_used_bytes, GIB)
        yield "memory-limit", 0, _part(tick.cgroup.memory_limit_bytes, GIB)


class _Rates:
    # Values that need two ticks: differences of counters.

    def __init__(self) -> None:
        self._beat: Beat | None = None
        self._growth = Growth()

    def of(self, tick: Tick) -> Iterator[Value]:
        yield from self._steps(tick)
        for name, per_s in self._growth.of(tick):
            if name in TRAFFIC:
                yield TRAFFIC[name], 0, _part(per_s, MIB)

    def _steps(self, tick: Tick) -> Iterator[Value]:
        main = main_beat(tick)
        if main is None:
            return
        before, self._beat = self._beat, main
        if before is None or before.pid != main.pid:
            return
        steps = main.steps_total - before.steps_total
        if steps > 0:
            yield "data-wait", 0, max(0.0, main.data_wait_s_total - before.data_wait_s_total) / steps
            yield "compute", 0, max(0.0, main.compute_s_total - before.compute_s_total) / steps


def _gpu_values(tick: Tick, tops: dict[tuple[str, int], tuple[float, str]]) -> Iterator[Value]:
    # In percent of the maximum; ``tops`` keeps the scale back to watts, megahertz and GiB.
    readings: tuple[tuple[str, Callable[[GpuSample], tuple[float | None, float | None]], float, str], ...] = (
        ("gpu-power", lambda gpu: (gpu.power_w, gpu.power_limit_w), 1.0, "W"),
        ("gpu-clock", lambda gpu: (gpu.sm_clock_mhz, gpu.sm_clock_max_mhz), 1.0, "MHz"),
        ("gpu-memory", lambda gpu: (gpu.memory_used_bytes, gpu.memory_total_bytes), GIB, "GiB"),
    )
    for gpu in tick.gpus:
        yield "gpu-utilization", gpu.index, _product(gpu.utilization_ratio, 100)
        for key, read, unit_size, unit in readings:
            value, top = read(gpu)
            if value is not None and top:
                tops[key, gpu.index] = (top / unit_size / 100, unit)
                yield key, gpu.index, 100 * value / top


def _product(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first * second


def _part(value: float | None, whole: float) -> float | None:
    return None if value is None else value / whole
