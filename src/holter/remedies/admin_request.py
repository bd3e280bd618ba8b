"""Values for the request to the administrator: host, mount, folder, GPU, numbers. Pure.

The request's text is in the file of the cause, one text per variant if a cause asks for several things. Users see it
in a diagnosis, in a report, and in the event of a wait (live lines and notifications), always through one remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holter.causes.offers import ASK_ADMIN
from holter.records import Diagnosis, Environment, Fact, Value

# A checkpoint of a usual 3D network takes 0.3 to 1 GiB. Used if no checkpoint has been written yet.
USUAL_NEED_BYTES = 1 << 30
# The storage of a small read that has been waiting for longer is dead, not slow.
DEAD_S = 10.0

Facts = Mapping[str, Fact]


def asked(diagnosis: Diagnosis | None, cause: str | None) -> tuple[tuple[str, Value], ...]:
    """Return the values for the request about this cause; empty if the diagnosis does not offer one."""
    if diagnosis is None:
        return ()
    remedies = dict(diagnosis.remedies).get(cause or "", ())
    return next((remedy.values for remedy in remedies if remedy.id == ASK_ADMIN), ())


def values(cause: str, facts: Facts, environment: Environment | None) -> dict[str, Value]:
    """Return all known values that the request about this cause may contain, in base units."""
    known = {name: value for name, read in _READ.items() if (value := read(facts)) is not None}
    variant = _VARIANTS[cause](facts) if cause in _VARIANTS else None
    host = environment.hostname if environment is not None else None
    more = {"cause": cause, "variant": variant, "host": host}
    return {**known, **{name: text for name, text in more.items() if text}}


def _value(facts: Facts, name: str) -> object:
    fact = facts.get(name)
    return fact.value if fact is not None and fact.status == "known" else None


def _plain(name: str) -> Callable[[Facts], Value | None]:
    def read(facts: Facts) -> Value | None:
        value = _value(facts, name)
        return value if isinstance(value, tuple) and value else None if value in (None, ()) else str(value)

    return read


def _number(name: str) -> Callable[[Facts], Value | None]:
    def read(facts: Facts) -> Value | None:
        value = _value(facts, name)
        return value if isinstance(value, (int, float)) else None

    return read


def _need(facts: Facts) -> float:
    value = _value(facts, "disk.needed_bytes")
    return value if isinstance(value, (int, float)) else USUAL_NEED_BYTES


_READ: dict[str, Callable[[Facts], Value | None]] = {
    "folder": _plain("disk.folder"),
    "disk": _plain("disk.mount"),
    "free": _number("disk.free_bytes"),
    "need": _need,
    "shm": _number("shm.total_bytes"),
    "shm_percent": _number("shm.used_ratio"),
    "gpu": _plain("gpu.label"),
    "reasons": _plain("gpu.clock_reasons"),
    "temperature": _plain("gpu.temperature_c"),
    "clock_percent": _number("gpu.clock_ratio"),
    "others": _plain("gpu.foreign_processes"),
    "held": _number("gpu.zombie_bytes"),
    "licence": _plain("gpu.licence_text"),
    "mount": _plain("storage.mount"),
    "path": _plain("storage.path"),
    "latency": _number("storage.latency_s"),
    "usual": _number("storage.usual_latency_s"),
    "pending": _number("storage.pending_s"),
}


def _disk(facts: Facts) -> str | None:
    error = _value(facts, "disk.error")
    return str(error) if error in ("inodes", "quota", "read-only") else None


def _storage(facts: Facts) -> str | None:
    pending = _value(facts, "storage.pending_s")
    return "dead" if isinstance(pending, (int, float)) and pending >= DEAD_S else None


def _gpu(facts: Facts) -> str | None:
    return None if _value(facts, "gpu.foreign_processes") else "gone"


_VARIANTS: dict[str, Callable[[Facts], str | None]] = {
    "disk-full-or-quota": _disk,
    "slow-storage": _storage,
    "gpu-shared-or-zombie": _gpu,
}
