"""Facts about memory that grows over the recording: in which processes, and in which kind of pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.records import DATA_WORKERS, ProcessSample, Role, Text, Tick
from holter.sentences import define

# Growth is measured over the last two hours: long enough for a leak of 0.1 GB per hour, recent enough to be one cause.
BACK_S = 7200.0
# A process imports libraries and fills its first buffers in its first half minute.
YOUNG_S = 30.0
# A rate over a shorter time does not predict the next hour.
SPAN_S = 60.0
# More than buffers of another size: 64 MB and a twentieth of the start value.
GROWN_BYTES, GROWN_PART = 64 << 20, 0.05
HOUR_S = 3600.0
# This many samples show a slope as well as thousands.
POINTS = 600

GREW = define("seen.memory.growth", "from {first:bytes} to {last:bytes} in {span:duration}")
IN_ARENAS = define("seen.memory.arenas", "{arenas:bytes} of {gained:bytes}")
FEW_PAGE_READINGS = define(
    "why.memory.few-page-readings", "the kinds of pages are read every five minutes; too few readings"
)
FEW_MAP_READINGS = define("why.memory.few-map-readings", "the memory map is read every five minutes; too few readings")
NO_MAP = define("why.memory.no-map", "the memory map was not read")
NOT_GROWN = define("why.memory.not-grown", "the main process has not grown")
NOT_TRIMMED = define(
    "why.memory.not-trimmed", "malloc_trim(0) was not called in the process, and nothing else shows it"
)
TOO_SHORT = define("why.memory.too-short", "too short a time to see a growth")
TOO_SHORT_OR_NONE = define("why.memory.too-short-or-none", "too short a time, or no such process")

Points = list[tuple[float, float]]


def collect(window: Window, book: FactBook) -> None:
    """State how fast the main process and the data workers grow, and in which kind of pages."""
    from_s = window.episode.alarm_s - BACK_S
    until_s = window.episode.start_s if window.episode.kind == "death" else window.episode.alarm_s
    ticks = [tick for tick in window.all if from_s <= tick.t_s <= until_s]
    few = ticks[:: max(1, len(ticks) // POINTS)]
    _by_role(few, book)
    machine = _of_machine(few)
    book.known("memory.machine_growth_bytes_per_h", _per_hour(machine), _grew(machine), unless=TOO_SHORT())
    looked = [tick for tick in ticks if any(map(_was_looked_at, tick.processes))]
    private = _growth(looked, DATA_WORKERS, lambda process: process.private_bytes)
    shared = _growth(looked, DATA_WORKERS, lambda process: process.shared_bytes)
    unseen = FEW_PAGE_READINGS()
    book.known("memory.private_growth_bytes_per_h", _per_hour(private), _grew(private), unless=unseen)
    book.known("memory.shared_growth_bytes_per_h", _per_hour(shared), _grew(shared), unless=unseen)
    _arenas(looked, book)
    book.unknown("memory.trim_freed_ratio", NOT_TRIMMED())


# Memory that cannot be given to anybody: what is left out is cache that the kernel would drop.
def _of_machine(ticks: Sequence[Tick]) -> list[Points]:
    points = [
        (tick.t_s, float(tick.host.memory_total_bytes - tick.host.memory_available_bytes))
        for tick in ticks
        if tick.host is not None and tick.host.memory_total_bytes and tick.host.memory_available_bytes is not None
    ]
    return [points] if len(points) > 1 and points[-1][0] - points[0][0] >= SPAN_S else []


def _was_looked_at(process: ProcessSample) -> bool:
    return process.private_bytes is not None or process.malloc_arenas is not None


def _by_role(ticks: Sequence[Tick], book: FactBook) -> None:
    grown: dict[str, list[Points]] = {}
    roles: tuple[tuple[str, tuple[Role, ...]], ...] = (("main", ("main",)), ("workers", DATA_WORKERS))
    for name, of in roles:
        grown[name] = _growth(ticks, of, lambda process: process.rss_bytes)
        fact = f"memory.{name}_growth_bytes_per_h"
        book.known(fact, _per_hour(grown[name]), _grew(grown[name]), unless=TOO_SHORT_OR_NONE())
    if not grown["main"] and not grown["workers"]:
        book.unknown("memory.grows_in", TOO_SHORT())
        return
    rising = tuple(name for name, series in grown.items() if _rises(series))
    where = "both" if len(rising) == 2 else rising[0] if rising else "none"
    book.known("memory.grows_in", where, _grew(grown[where]) if where in grown else "")


# A series for each process of these roles that lived long enough.
def _growth(
    ticks: Iterable[Tick], roles: tuple[Role, ...], read: Callable[[ProcessSample], int | None]
) -> list[Points]:
    series: dict[int, Points] = {}
    born: dict[int, float] = {}
    for tick in ticks:
        for process in tick.processes:
            value = read(process) if process.role in roles else None
            if value is None:
                continue
            born.setdefault(process.pid, process.started_s if process.started_s is not None else tick.t_s)
            if tick.t_s - born[process.pid] >= YOUNG_S:
                series.setdefault(process.pid, []).append((tick.t_s, float(value)))
    return [points for points in series.values() if len(points) > 1 and points[-1][0] - points[0][0] >= SPAN_S]


# Typical size at start and end: medians, because a single sample may hit a temporary buffer.
def _ends(points: Points) -> tuple[float, float]:
    part = max(1, len(points) // 5)
    return median(value for _, value in points[:part]), median(value for _, value in points[-part:])


def _per_hour(series: list[Points]) -> float | None:
    if not series:
        return None
    return sum((_ends(points)[1] - _ends(points)[0]) / _apart_s(points) for points in series) * HOUR_S


# Time between the middles of both ends.
def _apart_s(points: Points) -> float:
    part = max(1, len(points) // 5)
    return median(t_s for t_s, _ in points[-part:]) - median(t_s for t_s, _ in points[:part])


# Steady and large growth: the middle lies between the ends, and the ends are far apart.
def _rises(series: list[Points]) -> bool:
    if not series:
        return False
    first, last = (sum(_ends(points)[end] for points in series) for end in (0, 1))
    middle = sum(_middle(points) for points in series)
    edge = (last - first) / 8
    return last - first >= max(GROWN_BYTES, GROWN_PART * first) and first + edge <= middle <= last - edge


def _middle(points: Points) -> float:
    third = len(points) // 3
    return median(value for _, value in points[third : len(points) - third] or points)


def _grew(series: list[Points]) -> Text:
    if not series:
        return ""
    first, last = (sum(_ends(points)[end] for points in series) for end in (0, 1))
    span_s = max(points[-1][0] - points[0][0] for points in series)
    return GREW(first=first, last=last, span=span_s)


# State the share of the main process's growth in the extra malloc arenas of the C library.
def _arenas(ticks: Sequence[Tick], book: FactBook) -> None:
    readings = [
        process
        for tick in ticks
        for process in tick.processes
        if process.role == "main" and process.malloc_arenas is not None
    ]
    book.known("memory.arenas", readings[-1].malloc_arenas if readings else None, unless=NO_MAP())
    if len(readings) < 2 or readings[-1].t_s - readings[0].t_s < SPAN_S:
        book.unknown("memory.arena_share", FEW_MAP_READINGS())
        return
    gained = (readings[-1].rss_bytes or 0) - (readings[0].rss_bytes or 0)
    in_arenas = (readings[-1].malloc_arena_bytes or 0) - (readings[0].malloc_arena_bytes or 0)
    if gained < GROWN_BYTES:
        book.not_applicable("memory.arena_share", NOT_GROWN())
        return
    detail = IN_ARENAS(arenas=max(0, in_arenas), gained=gained)
    book.known("memory.arena_share", min(1.0, max(0.0, in_arenas / gained)), detail)
