"""All samples and events of one instant."""

from __future__ import annotations

from holter.records.events import Event
from holter.records.samples import Beat, CgroupSample, GpuSample, HostSample, ProcessSample, StorageSample
from holter.records.text import Record


class ProbeRun(Record, frozen=True, kw_only=True):
    """Cost and success of one probe run: a probe that stopped must show on the tape."""

    t_s: float
    probe: str
    ok: bool
    cost_s: float  # CPU time in the recorder if known, else wall time
    error: str | None = None


class Tick(Record, frozen=True, kw_only=True):
    """All samples of one instant, together with the events since the last tick."""

    t_s: float
    span_s: float = 0.0  # 0: one reading; 60: a roll-up of that many seconds
    host: HostSample | None = None
    cgroup: CgroupSample | None = None
    processes: tuple[ProcessSample, ...] = ()
    gpus: tuple[GpuSample, ...] = ()
    storage: tuple[StorageSample, ...] = ()
    beats: tuple[Beat, ...] = ()
    events: tuple[Event, ...] = ()
