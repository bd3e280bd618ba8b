"""Turn runs that were read from logs into a recording in memory, like one that the recorder would have made."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from itertools import groupby

import msgspec

from holter.records import Environment, Event, Noted, Tick
from holter.sentences import as_fields
from holter.tape import Recording
from holter.texts.runs import LogRun

# The first event of such a recording: evidence recognises it by this note.
FROM_TEXT = "read-from-text"
# Of outputs of commands alone: no training is in them.
FROM_OUTPUTS = "read-from-outputs"
# The recorder writes the same note when a training starts a new log.
NEW_LOG = "new-training-log"


def in_order(runs: Sequence[LogRun]) -> list[LogRun]:
    """Return the runs of nnU-Net sorted by start time; those without any time stamp last."""
    known = [run for run in runs if run.is_nnunet]
    return sorted(known, key=lambda run: (not run.first_s, run.begun_s or 0.0))


def to_recording(runs: Sequence[LogRun], environment: Environment | None = None) -> Recording:
    """Return one recording of all runs; second 0 is the start of the first one."""
    zero_s = next((run.begun_s for run in runs if run.begun_s is not None), 0.0)
    names = [str(name) for name in dict.fromkeys(run.name for run in runs) if isinstance(name, str)]
    events: list[Event] = [Noted(t_s=0.0, what=FROM_TEXT, text=", ".join(names))]
    for number, run in enumerate(runs):
        begun_s = max(0.0, (run.begun_s or zero_s) - zero_s)
        if number:
            events.append(Noted(t_s=begun_s, what=NEW_LOG, **as_fields(run.name)))
        events += [msgspec.structs.replace(event, t_s=max(begun_s, event.t_s - zero_s)) for event in run.events]
    events.sort(key=lambda event: event.t_s)
    ticks = tuple(Tick(t_s=t_s, events=tuple(some)) for t_s, some in groupby(events, key=lambda event: event.t_s))
    last_s = max((run.last_s or 0.0 for run in runs), default=0.0) - zero_s
    if last_s > ticks[-1].t_s:
        ticks = (*ticks, Tick(t_s=last_s))
    return Recording(all_ticks=ticks, environment=environment or described(runs, zero_s), finished=True)


def described(
    runs: Sequence[LogRun],
    zero_s: float,
    plans: dict[str, str] | None = None,
    versions: dict[str, str] | None = None,
    host: str | None = None,
) -> Environment:
    """Return the description of a recording made from logs: their plans, and what the files beside them say.

    ``zero_s``: its start, in seconds since 1970. Log times have no zone; they are taken as UTC.
    """
    start = datetime.datetime.fromtimestamp(zero_s, datetime.timezone.utc)
    from_logs: dict[str, str] = {}
    for run in runs:
        from_logs.update(run.plans)
    return Environment(
        wall_start=start.isoformat(),
        hostname=host,
        versions=tuple((versions or {}).items()),
        plans=tuple({**from_logs, **(plans or {})}.items()),
    )
