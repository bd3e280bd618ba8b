"""Tell from ``/proc`` whether a run does what its ticks do not show: in a thread, by a connection, or detached."""

from __future__ import annotations

from pathlib import Path

from holter.detectors.rest import may_not_wake
from holter.history.ranks import working
from holter.probes.process.activity import Activity, marked
from holter.records import WORKERS, Tick


class RunActivity:
    """Compares the threads and connections of a run from look to look. ``scratch``: it marks what the run starts."""

    def __init__(self, scratch: Path) -> None:
        self._mark = f"HOLTER_SCRATCH={scratch}"
        self.forget()

    def forget(self) -> None:
        """Begin again: the next look is compared with nothing."""
        self._activity = Activity()
        self._due_s = float("-inf")

    def see(self, tick: Tick, every_s: float) -> bool:
        """Return whether anything was done since the last look; False if the next look is not due."""
        if tick.t_s < self._due_s:
            return False
        self._due_s = tick.t_s + every_s
        return self._activity.look(
            may_not_wake(tick), tick.t_s, marked(self._mark, _attached(tick)), polling=_wait_in_nnunet(tick)
        )


# The main processes, what they have started, all workers, and the launchers above.
def _attached(tick: Tick) -> frozenset[int]:
    parents = {process.pid: process.ppid for process in tick.processes}
    above = {process.pid for process in tick.processes if process.role == "main"}
    row = set(above)
    while row := {parent for pid in row if (parent := parents.get(pid)) is not None} - above:
        above |= row
    return may_not_wake(tick) | above | {process.pid for process in tick.processes if process.role in WORKERS}


def _wait_in_nnunet(tick: Tick) -> frozenset[int]:
    # nnU-Net's own waits for batches and exports ask again many times a second.
    return frozenset(beat.pid for beat in working(tick.beats) if beat.waits_for != "none")
