"""Values for the request to the administrator: host, mount, folder, GPU, numbers. Pure.

The request's text is in the file of the cause, one text per variant if a cause asks for several things. Users see it
in a diagnosis, in a report, and in the event of a wait (live lines and notifications), always through one remedy.
"""

from __future__ import annotations

from collections.abc import Callable

from holter.causes.offers import ASK_ADMIN
from holter.causes.steps import Facts
from holter.records import Diagnosis, Environment, Value


def asked(diagnosis: Diagnosis | None, cause: str | None) -> tuple[tuple[str, Value], ...]:
    """Return the values to fill into the request to the administrator; empty if this cause has no such request."""
    if diagnosis is None:
        return ()
    remedies = dict(diagnosis.remedies).get(cause or "", ())
    return next((remedy.values for remedy in remedies if remedy.id == ASK_ADMIN), ())


def values(cause: str, variant: str | None, facts: Facts, environment: Environment | None) -> dict[str, Value]:
    """Return the values to fill into the request to the administrator about this cause; unknown ones are left out.

    Sizes are in bytes, shares from 0 to 1. ``variant``: which of the cause's requests; None: it has only one.
    """
    known = {name: value for name, read in _READ.items() if (value := read(facts)) is not None}
    host = environment.hostname if environment is not None else None
    more = {"cause": cause, "variant": variant, "host": host}
    return {**known, **{name: text for name, text in more.items() if text}}


def _plain(name: str) -> Callable[[Facts], Value | None]:
    def read(facts: Facts) -> Value | None:
        value = facts.get(name)
        return value if isinstance(value, tuple) and value else None if value in (None, ()) else str(value)

    return read


def _number(name: str) -> Callable[[Facts], Value | None]:
    def read(facts: Facts) -> Value | None:
        value = facts.get(name)
        return value if isinstance(value, (int, float)) else None

    return read


_READ: dict[str, Callable[[Facts], Value | None]] = {
    "folder": _plain("disk.folder"),
    "disk": _plain("disk.mount"),
    "free": _number("disk.free_bytes"),
    "need": _number("disk.needed_bytes"),
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
