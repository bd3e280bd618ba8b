"""A training that goes on after its recording broke off: Holter was killed, or an ``attach`` was ended."""

from __future__ import annotations

import socket

import msgspec
import psutil

from holter.history.ranks import main_process
from holter.records import ProcessSample
from holter.reports.outcome import sentences as say
from holter.reports.outcome.record import Outcome
from holter.reports.outcome.wall import clock_of, wall_at
from holter.tape import Recording

# The wall clock of a long run may be set by a little.
SAME_START_S = 5.0


def with_living_process(ran: Outcome, recording: Recording) -> Outcome:
    """Return the outcome, changed if the recording broke off but its training still runs on this machine.

    Then the headline has the training's PID, and the next command watches it with ``holter attach``.
    """
    main = living_process(recording) if ran.state == "cut" else None
    if main is None:
        return ran
    begun, over = wall_at(recording.environment, 0.0), wall_at(recording.environment, ran.wall_s)
    at = None if over is None else clock_of(over, begun)
    headline, trouble = say.UNWATCHED(at=at, pid=main.pid), ran.headline.value("second")
    return msgspec.structs.replace(
        ran,
        state="unwatched",
        headline=headline if trouble is None else say.BOTH(first=headline, second=trouble),
        next_command=f"holter attach {main.pid}",
    )


def living_process(recording: Recording) -> ProcessSample | None:
    """Return the main process of the last readings if it is alive: same machine, same PID, same start."""
    environment = recording.environment
    if environment is None or environment.hostname != socket.gethostname():
        return None
    seen = (main_process(tick.processes, tick.beats) for tick in reversed(recording.all_ticks[-10:]))
    main = next((process for process in seen if process is not None), None)
    began = None if main is None or main.started_s is None else wall_at(environment, main.started_s)
    if main is None or began is None:
        return None
    try:
        process = psutil.Process(main.pid)
        is_it = abs(process.create_time() - began.timestamp()) < SAME_START_S
        return main if is_it and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
