"""A data or export worker that is stopped or makes no progress, even while the others keep the training running.

With batchgenerators' augmenter one frozen worker usually stops the training (the results loop waits for its tensor
hand-over), at once or hours later; so it gets its own episode.
"""

from __future__ import annotations

from holter.detectors.plain import PlainKeeper, loader_workers, waited_s
from holter.detectors.view import GAP_S, HELD, OpenEpisodes, is_paused
from holter.evidence.words import process_of
from holter.history.ranks import main_process
from holter.records import WORKERS, Episode, Message, ProcessSample, Tick
from holter.sentences import define

# A debugger or a stack dump stops a process for milliseconds; no healthy worker stops for this long.
STOPPED_S = 5.0
# A worker in uninterruptible sleep that reads no byte and uses no CPU; a slow HDD seek storm stays below.
BLOCKED_S = 20.0

STOPPED = define("episode.stopped", "{process} has been stopped (state T) for {age:.0f} s")
TRACED = define("episode.traced", "{process} has been held by a debugger (state t) for {age:.0f} s")
BLOCKED = define("episode.blocked", "{process} has been blocked in the kernel (state D, {channel}) for {age:.0f} s")
BLOCKED_ALONE = define("episode.blocked-alone", "{process} has been blocked in the kernel (state D) for {age:.0f} s")


class FrozenDetector:
    """Marks each frozen worker as an episode of its own."""

    name = "frozen"

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        self._work: dict[int, tuple[float | None, int | None]] = {}
        self._open = OpenEpisodes(self.name, "stall")
        self._last_s: float | None = None
        self._plain = PlainKeeper()

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        self._plain.see(tick)
        if not tick.processes:
            return ()
        previous_s, self._last_s = self._last_s, tick.t_s
        if previous_s is not None and tick.t_s - previous_s > GAP_S:
            self._since.clear()  # no samples in between
            previous_s = None
        changed: list[Episode] = []
        workers = {process.pid: process for process in tick.processes if process.role in WORKERS}
        for pid in self._since.keys() - workers.keys():  # its PID may be another worker's one day
            del self._since[pid]
        paused = is_paused(tick)
        for pid, process in workers.items():
            if paused or not self._is_frozen(process):
                self._since.pop(pid, None)
                changed += self._open.end(tick.t_s, pid)
            else:
                began_s = self._since.setdefault(pid, previous_s if previous_s is not None else tick.t_s)
                changed += self._alarm_if_long(process, began_s, tick)
        for gone in [pid for pid in self._open if pid not in workers]:
            changed += self._open.end(tick.t_s, gone)
        return tuple(changed)

    def _is_frozen(self, process: ProcessSample) -> bool:
        work = (process.cpu_s_total, process.read_bytes_total)
        before = self._work.get(process.pid)
        if work[0] is not None:
            self._work[process.pid] = (work[0], work[1] if work[1] is not None else (before or work)[1])
        moved = before is not None and self._work[process.pid] != before
        # Below strace a process that works is in state t most of the time.
        return process.state == "T" or (process.state in (HELD, "D") and not moved)

    def _alarm_if_long(self, process: ProcessSample, began_s: float, tick: Tick) -> tuple[Episode, ...]:
        stopped = process.state in ("T", "t")
        if process.pid in self._open or tick.t_s - began_s < (STOPPED_S if stopped else BLOCKED_S):
            return ()
        main = main_process(tick.processes, tick.beats)
        if main is not None and main.state in ("T", "t"):
            return ()  # the whole run is being stopped, process by process
        if self._plain.is_plain and ((waited_s(tick) or 0.0) < STOPPED_S or process not in loader_workers(tick)):
            return ()  # nothing waits for it
        reason = _reason(process, tick.t_s - began_s)
        about = {"subject": process_of(process), "pid": process.pid}
        return self._open.begin(tick, began_s, reason, process.pid, **about)


def _reason(process: ProcessSample, age_s: float) -> Message:
    who = process_of(process)
    if process.state in ("T", "t"):
        return (TRACED if process.state == HELD else STOPPED)(process=who, age=age_s)
    if process.wait_channel is None:
        return BLOCKED_ALONE(process=who, age=age_s)
    return BLOCKED(process=who, channel=process.wait_channel, age=age_s)
