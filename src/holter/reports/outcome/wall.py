"""Times by the wall clock of the recorded machine. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from holter.records import Environment

# nnU-Net is younger than this; a text without time stamps starts at time 0 (1970).
FIRST_YEAR = 2000


def wall_at(environment: Environment | None, t_s: float) -> datetime | None:
    """Return the local time of a moment of the recording, with the offset of its machine; None if unknown."""
    if environment is None or not environment.wall_start:
        return None
    try:
        began = datetime.fromisoformat(environment.wall_start)
    except ValueError:
        return None
    zone = timezone(timedelta(seconds=environment.utc_offset_s))
    began = began.replace(tzinfo=zone) if began.tzinfo is None else began.astimezone(zone)
    moment = began + timedelta(seconds=t_s)
    return None if moment.year < FIRST_YEAR else moment


def iso(moment: datetime | None) -> str | None:
    """Return a moment as in JSON: ``2026-11-28T22:10:05+08:00``."""
    return None if moment is None else moment.isoformat(timespec="seconds")


def parsed(moment: str | None) -> datetime | None:
    """Return the moment that ``iso`` wrote."""
    return None if moment is None else datetime.fromisoformat(moment)


def clock_of(moment: datetime, beside: datetime | None = None) -> str:
    """Return ``2026-11-28 03:12``; without the date if ``beside`` is of the same day."""
    same_day = beside is not None and beside.date() == moment.date()
    return moment.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")


def clocks(environment: Environment | None, t_s: float) -> str:
    """Return a moment by both clocks: ``0:03:20 (03:12:09)``, with the date after the first day.

    Without the second clock if it is unknown.
    """
    whole = max(0, round(t_s))
    ran = f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    moment = wall_at(environment, t_s)
    if moment is None:
        return ran
    began = wall_at(environment, 0.0)
    is_first_day = began is not None and began.date() == moment.date()
    return f"{ran} ({moment:{'%H:%M:%S' if is_first_day else '%m-%d %H:%M:%S'}})"
