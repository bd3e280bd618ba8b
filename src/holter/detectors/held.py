"""For how long something outside the training has held it: such a time is no measure of its own pauses. Pure."""

from __future__ import annotations

from holter.detectors.view import GAP_S, STOPPED
from holter.evidence.words import WORKING_CPU_RATIO, is_in_freezer, waits_for_storage
from holter.records import ActionTaken, ProcessSample, Tick

# They only say something; the training goes on.
WORDS_ONLY = ("announce-restart", "leave-alone", "wait")


class HeldTime:
    """Adds up the seconds of a recording in which a main process was held, or which were not recorded."""

    def __init__(self) -> None:
        self.stopped_s = 0.0  # by a signal, a debugger, a cgroup freezer; and gaps
        self.blocked_s = 0.0  # by storage that did not answer
        self._last_s: float | None = None
        self._mains: tuple[ProcessSample, ...] = ()  # as last read

    def see(self, tick: Tick) -> None:
        """Add a tick: the time since the one before counts by what this one shows."""
        passed_s = 0.0 if self._last_s is None else max(0.0, tick.t_s - self._last_s)
        self._last_s = tick.t_s
        if tick.processes:
            self._mains = tuple(process for process in tick.processes if process.role == "main")
        if passed_s > max(GAP_S, 2 * tick.span_s) or any(map(_is_stopped, self._mains)):
            self.stopped_s += passed_s
        elif any(process.state == "D" or waits_for_storage(process) for process in self._mains):
            self.blocked_s += passed_s


def has_own_action(tick: Tick) -> bool:
    """Return whether Holter did something to the training: what follows may take its time because of that."""
    return any(
        isinstance(event, ActionTaken) and event.state != "proposed" and event.action not in WORDS_ONLY
        for event in tick.events
    )


# Below strace a process that works is in state t most of the time.
def _is_stopped(process: ProcessSample) -> bool:
    rests = (process.cpu_ratio or 0.0) < WORKING_CPU_RATIO
    return is_in_freezer(process) or (process.state in STOPPED and rests)
