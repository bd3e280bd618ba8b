"""Judge a program that is not nnU-Net and takes its batches from a DataLoader.

Such a program may do anything between two batches: evaluate, write results, wait for a person. So only the time inside
``next()`` is judged, and there a short alarm needs evidence about a worker. nnU-Net's own rules do not apply.
"""

from __future__ import annotations

import msgspec

from holter.detectors.view import STOPPED
from holter.evidence.scope import BY_DATALOADER
from holter.history.ranks import working
from holter.records import DATA_WORKERS, Beat, Noted, ProcessEnded, ProcessSample, Tick

# No sample is prepared for this long without any use of a CPU, unless a program waits for something on purpose.
STANDS_S = 300.0
TIMES_LONGEST_WAIT = 20.0
# Files without a disk behind them: a worker reads its orders from a pipe.
NO_FILES = ("pipe:", "socket:", "anon_inode:", "/dev/")


class PlainKeeper:
    """Tracks whether a run is a program without nnU-Net that uses a DataLoader, and what that DataLoader waits for."""

    def __init__(self) -> None:
        self.is_plain = False
        self.longest_wait_s = 0.0  # of all waits that ended with a batch
        self.died_s: float | None = None  # when a worker died that nobody had asked to end, during this wait
        self._hangs: dict[int, tuple[float, float | None, str]] = {}  # PID -> since when, CPU time, file
        self._wait: tuple[int, float] | None = None  # PID of a rank, beginning

    def see(self, tick: Tick) -> None:
        self.is_plain = self.is_plain or any(
            isinstance(event, Noted) and event.what == BY_DATALOADER for event in tick.events
        )
        if not self.is_plain:
            return
        beat = waiting(tick)
        wait = None if beat is None or beat.wait_began_s is None else (beat.pid, beat.wait_began_s)
        if wait != self._wait:
            self._wait, self.died_s = wait, None
        for other in working(tick.beats):
            self.longest_wait_s = max(self.longest_wait_s, other.data_wait_s or 0.0)
        if any(is_lost_worker(event) for event in tick.events):
            self.died_s = tick.t_s
        self._watch_reads(tick)

    def blames_worker(self, tick: Tick, within_s: float) -> bool:
        """Return whether a worker causes the wait: it is stopped, has died, or reads one file for ``within_s``."""
        if self.died_s is not None:
            return True
        if any(process.state in (*STOPPED, "Z", "X") for process in loader_workers(tick)):
            return True
        return any(tick.t_s - since_s >= within_s for since_s, _, _ in self._hangs.values())

    @property
    def stands_s(self) -> float:
        """The seconds inside ``next()`` without any activity after which to alarm, even if no worker can be blamed."""
        return max(STANDS_S, TIMES_LONGEST_WAIT * self.longest_wait_s)

    def _watch_reads(self, tick: Tick) -> None:
        before, self._hangs = self._hangs, {}
        for process in loader_workers(tick):
            file = process.syscall_file
            if file is None or file.startswith(NO_FILES):
                continue
            known = before.get(process.pid)
            same = known is not None and known[1:] == (process.cpu_s_total, file)
            self._hangs[process.pid] = known if known and same else (tick.t_s, process.cpu_s_total, file)


def waiting(tick: Tick) -> Beat | None:
    """Return the heartbeat of the rank that has waited longest inside ``next()``; None if none waits.

    An evaluation that the training has started counts too: the training waits for it.
    """
    inside = [
        beat
        for beat in (*working(tick.beats), *(beat for beat in tick.beats if beat.role == "other"))
        if beat.waits_for in ("train-batch", "val-batch") and beat.wait_began_s is not None
    ]
    return min(inside, key=lambda beat: beat.wait_began_s or 0.0, default=None)


def waited_s(tick: Tick) -> float | None:
    """Seconds for which ``next()`` has waited for a batch; None outside of it."""
    beat = waiting(tick)
    return None if beat is None or beat.wait_began_s is None else max(0.0, tick.t_s - beat.wait_began_s)


def loader_workers(tick: Tick) -> list[ProcessSample]:
    """Return the processes that the hook calls workers; other roles are guesses made for nnU-Net.

    Only the hook knows the number of a worker. One that was stopped at its birth has no heartbeat.
    """
    pids = {beat.pid for beat in tick.beats if beat.role in DATA_WORKERS}
    return [
        process
        for process in tick.processes
        if process.pid in pids or (process.role in DATA_WORKERS and process.worker_index is not None)
    ]


def is_lost_worker(event: msgspec.Struct) -> bool:
    """Return whether an event is the unwanted end of a DataLoader's worker."""
    return (
        isinstance(event, ProcessEnded)
        and event.role in DATA_WORKERS
        and event.source == "hook"
        and event.exit_code != 0  # one whose part of an IterableDataset is over leaves
        and not (event.expected or event.by_parent)
    )
