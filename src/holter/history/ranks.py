"""Which main processes train, which of them represents the training, and which is stopped. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from holter.records import Beat, ProcessSample, Tick


def working(beats: Iterable[Beat]) -> list[Beat]:
    """Return the heartbeats of the main processes that train (the ranks), by PID.

    A process that only starts the others (``mp.spawn`` for several GPUs, a wrapper) never leaves startup: it is left
    out, unless no process trains yet.
    """
    mains = sorted((beat for beat in beats if beat.role == "main"), key=lambda beat: beat.pid)
    return [beat for beat in mains if beat.progress_total or beat.phase not in ("startup", "unknown")] or mains


def main_of(beats: Iterable[Beat]) -> Beat | None:
    """Return the heartbeat of the training's main process (of the ranks, the one with the lowest PID), or None."""
    return next(iter(working(beats)), None)


def stopped_rank(tick: Tick) -> ProcessSample | None:
    """Return the first process that trains and is stopped, by a signal (state T) or a debugger (t); None if none is.

    Without a heartbeat every main process counts.
    """
    ranks = {beat.pid for beat in working(tick.beats)}
    mains = (process for process in tick.processes if process.role == "main" and (not ranks or process.pid in ranks))
    return next((process for process in mains if process.state in ("T", "t")), None)


def main_beat(tick: Tick) -> Beat | None:
    """Return the heartbeat of the training's main process in a tick, as ``main_of``; None if there is none."""
    return main_of(tick.beats)


def main_process(processes: Iterable[ProcessSample], beats: Iterable[Beat]) -> ProcessSample | None:
    """Return the process whose heartbeat ``main_of`` returns; without a heartbeat, the first main process, or None."""
    mains, beat = [process for process in processes if process.role == "main"], main_of(beats)
    return next(
        (process for process in mains if beat is not None and process.pid == beat.pid), mains[0] if mains else None
    )
