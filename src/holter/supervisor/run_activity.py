"""Tell from ``/proc`` whether a run does what its ticks do not show: in a thread, by a connection, or detached."""

from __future__ import annotations

import os
from pathlib import Path

from holter.detectors.rest import may_not_wake
from holter.history.ranks import working
from holter.probes.process.activity import Activity, MarkReader
from holter.probes.process.process_files import started
from holter.records import SERVANTS, WORKERS, Tick


class RunActivity:
    """Compares the threads and connections of a run from look to look. ``scratch``: it marks what the run starts."""

    def __init__(self, scratch: Path) -> None:
        self._marks = MarkReader(f"HOLTER_SCRATCH={scratch}")
        # The earliest start of what belongs to the run, and of Holter, which may have attached later.
        self._began_ticks = started(os.getpid()) or 0
        self.forget()

    def forget(self) -> None:
        """Begin again: the next look is compared with nothing."""
        self._activity = Activity()
        self._due_s = float("-inf")

    def see(self, tick: Tick, every_s: float) -> bool | None:
        """Return whether anything was done since the last look; False if the next look is not due.

        None if the kernel does not tell whether a connection moves bytes. True after an error of Holter's own: then
        nothing is known, which is no reason to end or to accuse a training.
        """
        if tick.t_s < self._due_s:
            return False
        self._due_s = tick.t_s + every_s
        try:
            return self._look(tick)
        except Exception:  # noqa: BLE001 - the recording goes on
            return True

    def _look(self, tick: Tick) -> bool | None:
        attached = _attached(tick)
        starts = (ticks for pid in attached if (ticks := started(pid)) is not None)
        self._began_ticks = min((self._began_ticks, *starts))
        detached = self._marks.find(attached, self._began_ticks)
        return self._activity.look(may_not_wake(tick), tick.t_s, detached, polling=_wait_in_nnunet(tick))


# The main processes, what they have started, all workers and servants, and the launchers above.
def _attached(tick: Tick) -> frozenset[int]:
    parents = {process.pid: process.ppid for process in tick.processes}
    above = {process.pid for process in tick.processes if process.role == "main"}
    row = set(above)
    while row := {parent for pid in row if (parent := parents.get(pid)) is not None} - above:
        above |= row
    helpers = {process.pid for process in tick.processes if process.role in (*WORKERS, *SERVANTS)}
    return may_not_wake(tick) | above | helpers


def _wait_in_nnunet(tick: Tick) -> frozenset[int]:
    # nnU-Net's own waits for batches and exports ask again many times a second.
    return frozenset(beat.pid for beat in working(tick.beats) if beat.waits_for != "none")
