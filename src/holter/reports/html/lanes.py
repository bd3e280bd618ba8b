"""Ticks -> one lane per process: its state at each moment."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from holter.history.actions import merge_events
from holter.history.phases import restarts
from holter.records import SERVANTS, Beat, ProcessEnded, ProcessSample, Tick
from holter.reports.html.thinning import Grid
from holter.tape import Recording

# "ended": as planned. From harmless to serious: if a time bin has several states, the most serious one is drawn.
STATES = ("ended", "waiting", "producing", "running", "needs-data", "dead", "storage", "stopped")
SHOWN_ROLES = ("main", "train-worker", "val-worker", "export-worker", "pool-worker")
# A process that used more of a core than this was working; polling queues takes far less.
BUSY_CPU_RATIO = 0.25
# A process without samples for this long is not drawn.
UNSEEN_S = 15.0
# A gap must exceed this many roll-up spans: an unseen minute between two roll-ups is no gap.
ROLL_UPS = 2.5
# More lanes than this are not readable; the rest are export workers of a long validation.
MAX_LANES = 40


class Segment(msgspec.Struct, frozen=True):
    start_s: float
    end_s: float
    state: str
    case: str | None = None


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One process over time."""

    pid: int
    role: str
    worker_index: int | None = None
    segments: tuple[Segment, ...] = ()


class _Lane:
    def __init__(self, process: ProcessSample) -> None:
        self.process = process
        self.bins: dict[int, tuple[float, float, int, str | None]] = {}
        self.last_s: float | None = None

    def add(self, grid: Grid, tick: Tick, state: str, case: str | None) -> None:
        """Draw from the last sample to this one."""
        reach_s = max(UNSEEN_S, ROLL_UPS * tick.span_s)
        seen_s = self.last_s if self.last_s is not None and tick.t_s - self.last_s <= reach_s else tick.t_s
        end_s = tick.t_s + tick.span_s
        self.last_s = end_s
        number, rank = grid.bin(tick.t_s), STATES.index(state)
        known = self.bins.get(number)
        if known is None:
            self.bins[number] = (min(seen_s, tick.t_s), end_s, rank, case)
        else:
            telling = (rank, case) if rank >= known[2] else (known[2], known[3])
            self.bins[number] = (known[0], end_s, *telling)

    def segments(self) -> Iterator[Segment]:
        """Join neighbours in the same state and with the same case."""
        open_: Segment | None = None
        for number in sorted(self.bins):
            start_s, end_s, rank, case = self.bins[number]
            state = STATES[rank]
            if open_ and open_.state == state and open_.case == case and start_s <= open_.end_s + 1e-6:
                open_ = Segment(open_.start_s, end_s, state, case)
                continue
            if open_:
                yield open_
            open_ = Segment(start_s, end_s, state, case)
        if open_:
            yield open_


def lanes(recording: Recording, grid: Grid) -> tuple[Lane, ...]:
    """Return the lanes of the training's processes: main first, then workers in order."""
    open_lanes: dict[int, _Lane] = {}
    for tick in recording.ticks():
        beats = {beat.pid: beat for beat in tick.beats}
        for process in tick.processes:
            if process.role in SHOWN_ROLES and (process.pid in open_lanes or len(open_lanes) < MAX_LANES):
                lane = open_lanes.setdefault(process.pid, _Lane(process))
                beat = beats.get(process.pid)
                lane.add(grid, tick, state(process, beat), beat.case if beat else None)
    ended: dict[int, ProcessEnded] = {}
    for event in recording.events(ProcessEnded):
        ended.setdefault(event.pid, event)
    orderly = orderly_ends(recording)
    over = _Over(recording, grid.duration_s)
    built = [_built(lane, ended.get(pid), over, pid in orderly) for pid, lane in open_lanes.items()]
    return tuple(sorted(built, key=lambda lane: (SHOWN_ROLES.index(lane.role), lane.worker_index or 0, lane.pid)))


def state(process: ProcessSample, beat: Beat | None) -> str:
    """Return the state of a process, from its kernel state and its heartbeat."""
    letter = (process.state or "?")[0]
    if letter in "Tt":
        return "stopped"
    if letter == "D":
        return "storage"
    if letter in "ZX":
        return "dead"
    if process.role == "main" and beat is not None and beat.waits_for != "none":
        return "needs-data"
    busy = letter == "R" if process.cpu_ratio is None else process.cpu_ratio >= BUSY_CPU_RATIO
    if beat is not None and beat.case is not None:
        return "producing"
    return "running" if busy else "waiting"


def orderly_ends(recording: Recording) -> frozenset[int]:
    """Return the PIDs of processes that ended as planned, were ended by their parent, or by Holter."""
    ends = recording.events(ProcessEnded)
    early = {event.pid for event in ends if event.early}
    planned = {
        event.pid
        for event in ends
        if event.expected or event.by_parent or (event.role in ("main", *SERVANTS) and event.exit_code == 0)
    }
    return frozenset(planned - early) | frozenset(pid for action in merge_events(recording) for pid in action.pids)


class _Over:
    # A dead process is drawn until others took its place, or the recording ended.

    def __init__(self, recording: Recording, duration_s: float) -> None:
        actions = merge_events(recording)
        replaced = [
            action.ended_s for action in actions if action.action == "replace-workers" and action.state == "done"
        ]
        starts = [process.begun_s for process in restarts(recording)]
        self._moments = sorted([duration_s, *starts, *(moment for moment in replaced if moment is not None)])

    def after(self, t_s: float) -> float:
        """Return the first such moment after a death; the death itself if there is none."""
        return next((moment for moment in self._moments if moment > t_s), t_s)


def _built(lane: _Lane, ended: ProcessEnded | None, over: _Over, orderly: bool) -> Lane:
    segments = tuple(lane.segments())
    if ended is not None:
        down_s = ended.t_s
        if orderly:  # a zombie that its parent has not collected yet is no dead worker
            before = (segment for segment in segments if segment.start_s < ended.t_s)
            segments = tuple(msgspec.structs.replace(each, end_s=min(each.end_s, ended.t_s)) for each in before)
            while segments and segments[-1].state == "dead":
                down_s, segments = segments[-1].start_s, segments[:-1]
        until_s = over.after(ended.t_s)
        if until_s > down_s:
            segments = (*segments, Segment(down_s, until_s, "ended" if orderly else "dead", ended.case))
    process = lane.process
    return Lane(pid=process.pid, role=process.role, worker_index=process.worker_index, segments=segments)
