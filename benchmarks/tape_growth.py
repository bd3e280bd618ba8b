"""Growth of a tape in a day: one recorded minute of a real run is played repeatedly to the real writer.

Values that changed in the recorded minutes keep changing: counters rise, times advance, the rest jitters, so that
no lap is coded like the one before. A GPU is simulated if the recording has none.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from holter.records import EpochEnded, Event, GpuProcess, GpuSample, LogLine, PhaseChanged, Sample, Tick
from holter.tape import Recording, TapeWriter
from holter.tape.coding import entity_of

JITTER = 0.03  # a few percent, as CPU shares and memory of a steady training vary from second to second
EPOCH_EVERY_S = 120.0  # stock epochs of 250 steps take about two minutes on the GPUs nnU-Net is planned for
SETTLE_S = 12.0  # start of the recording: nothing is steady yet
TAIL_S = 4.0  # end of the recording: processes stop
HOUR_S = 3600
DAY_H = 24
# Times on the recording's clock advance with it.
MOMENTS = frozenset({"progressed_s", "pulse_s", "wait_began_s", "case_began_s"})

_GPU = GpuSample(
    t_s=0.0, index=0, name="simulated", uuid="GPU-00000000-0000-0000-0000-000000000000", driver="550.54.15",
    utilization_ratio=0.9, memory_used_bytes=9 * 2**30, memory_total_bytes=24 * 2**30, power_w=280.0,
    power_limit_w=350.0, sm_clock_mhz=1700, sm_clock_max_mhz=2100, memory_clock_mhz=9500, memory_clock_max_mhz=9750,
    temperature_c=66, clock_reasons=("sw-power-cap",), pcie_generation=4, pcie_generation_max=4, pcie_width=16,
    pcie_width_max=16, pcie_rx_bytes_per_s=3e8, pcie_tx_bytes_per_s=5e7, mig=False, virtualization="none",
    processes=(GpuProcess(pid=1, name="python", memory_bytes=9 * 2**30, ours=True),),
)  # fmt: skip
_GPU_MOVES = (
    "utilization_ratio", "power_w", "sm_clock_mhz", "temperature_c", "pcie_rx_bytes_per_s", "pcie_tx_bytes_per_s",
)  # fmt: skip


class Growth(NamedTuple):
    """Sizes of a tape over simulated hours."""

    processes: int  # watched, in the ticks that were played
    hours: int
    first_hour_mb: float  # includes 15 minutes of full samples
    mb_per_hour: float  # from then on
    day_mb: float  # measured if a day was played, else extrapolated


class Field(NamedTuple):
    """Change of one field of one entity in the recorded minutes."""

    name: str
    growth: float  # of a counter, from the first to the last sample


def grow(recording: Recording, tape: Path, hours: int) -> Growth:
    """Play ``recording`` to a new tape for that many simulated hours (2 at least).

    Raises:  ValueError if the recording is too short to have a steady part.
    """
    ticks = list(recording.ticks(SETTLE_S, recording.duration_s - TAIL_S))
    if len(ticks) < 2:
        raise ValueError(f"a recording of {recording.duration_s:.0f} s has no steady part")
    player = Player(ticks)
    now_s = 0.0
    writer = TapeWriter(tape, clock=lambda: now_s)
    events = _one_epoch(recording)
    sizes: list[int] = []
    next_epoch_s = EPOCH_EVERY_S
    for t_s, samples in player.play(hours * HOUR_S):
        while len(sizes) < t_s // HOUR_S:
            sizes.append(_size(tape))
        now_s = t_s
        writer.write_samples(t_s, samples)
        if t_s >= next_epoch_s:
            next_epoch_s += EPOCH_EVERY_S
            writer.write_events(msgspec.structs.replace(event, t_s=t_s) for event in events)
        writer.pulse(t_s)
    writer.close(hours * HOUR_S)
    sizes.append(_size(tape))
    per_hour = (sizes[-1] - sizes[0]) / (len(sizes) - 1)
    day = sizes[-1] + per_hour * (DAY_H - hours)
    watched = max(len(tick.processes) for tick in ticks)
    return Growth(watched, hours, sizes[0] / 1e6, per_hour / 1e6, day / 1e6)


class Player:
    """Repeats recorded samples, each lap with small changes."""

    def __init__(self, ticks: list[Tick]) -> None:
        self._random = random.Random(1)
        self._laps = [(tick.t_s - ticks[0].t_s, list(_samples(tick))) for tick in ticks]
        self._lap_s = self._laps[-1][0] + 1.0
        self._moving = _moving_fields(sample for _, samples in self._laps for sample in samples)
        if not any(isinstance(sample, GpuSample) and sample.name for _, samples in self._laps for sample in samples):
            self._moving[GpuSample, "0"] = [Field(name, 0.0) for name in _GPU_MOVES]
            self._laps = [(at, [s for s in all_ if not isinstance(s, GpuSample)] + [_GPU]) for at, all_ in self._laps]

    def play(self, until_s: float) -> Iterator[tuple[float, list[Sample]]]:
        """Yield ticks; their times only rise."""
        lap = 0
        while True:
            for at_s, samples in self._laps:
                t_s = lap * self._lap_s + at_s
                if t_s >= until_s:
                    return
                yield t_s, [self._again(sample, t_s, lap) for sample in samples]
            lap += 1

    def _again(self, sample: Sample, t_s: float, lap: int) -> Sample:
        changed: dict[str, Any] = {"t_s": t_s}
        for field in self._moving.get((type(sample), entity_of(sample)), ()):
            value = getattr(sample, field.name)
            if value is None:
                continue
            if field.name in MOMENTS:
                moved = value + t_s - sample.t_s
            elif field.name.endswith("_total"):
                moved = value + type(value)(lap * field.growth)
            else:
                moved = self._jittered(value)
            changed[field.name] = moved
        return msgspec.structs.replace(sample, **changed)

    def _jittered(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._jittered(item) for item in value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        return type(value)(value * self._random.gauss(1.0, JITTER))


def _moving_fields(samples: Iterable[Sample]) -> dict[tuple[type, str], list[Field]]:
    # For each entity, the fields that were not constant.
    seen: dict[tuple[type, str], list[Sample]] = {}
    for sample in samples:
        seen.setdefault((type(sample), entity_of(sample)), []).append(sample)
    moving: dict[tuple[type, str], list[Field]] = {}
    for entity, readings in seen.items():
        for name in readings[0].__struct_fields__:
            values = [getattr(reading, name) for reading in readings]
            if name == "t_s" or all(value == values[0] for value in values):
                continue
            known = [value for value in values if isinstance(value, (int, float))]
            growth = known[-1] - known[0] if known else 0.0
            moving.setdefault(entity, []).append(Field(name, growth))
    return moving


def _samples(tick: Tick) -> Iterator[Sample]:
    if tick.host is not None:
        yield tick.host
    if tick.cgroup is not None:
        yield tick.cgroup
    yield from tick.processes
    yield from tick.gpus
    yield from tick.storage
    yield from tick.beats


def _one_epoch(recording: Recording) -> list[Event]:
    # The events of one epoch: most events of a quiet run.
    ends = recording.events(EpochEnded)
    if len(ends) < 2:
        return list(ends)
    return list(recording.events(EpochEnded, PhaseChanged, LogLine, start_s=ends[-2].t_s + 1e-3, end_s=ends[-1].t_s))


def _size(tape: Path) -> int:
    # Bytes of the file with everything committed, also while it is still in the journal.
    with contextlib.closing(sqlite3.connect(f"{tape.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        pages, page_bytes = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * page_bytes)
