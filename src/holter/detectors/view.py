"""What several detectors need: values of one tick, the phase, and the end of an episode."""

from __future__ import annotations

import msgspec

from holter.evidence.words import is_in_freezer
from holter.history.ranks import main_beat
from holter.records import WORKERS, Episode, Phase, PhaseChanged, Tick

STOPPED = ("T", "t")
# By a debugger, and not by a signal: only the debugger can let it go on, and a person works with it.
HELD = "t"
# Recorder and training may be stopped together (Ctrl-Z, a suspended laptop). A longer gap between ticks proves nothing.
GAP_S = 5.0


def is_paused(tick: Tick) -> bool:
    """Return whether all processes are stopped: by a terminal or scheduler, not by a fault."""
    data = [process for process in tick.processes if process.role in ("main", *WORKERS)]
    return bool(data) and all(process.state in STOPPED for process in data)


def is_held(tick: Tick) -> bool:
    """Return whether a main process is stopped (Ctrl-Z, ``kill -STOP``) or its cgroup frozen, to continue later.

    True too if a debugger holds it or one of its workers.
    """
    return any(
        (process.role == "main" and (process.state in STOPPED or is_in_freezer(process)))
        or (process.role in WORKERS and process.state == HELD)
        for process in tick.processes
    )


def usable_cpus(tick: Tick, before: float | None) -> float | None:
    """Return the CPUs that the run may use; ``before`` (the last known value) if this tick has none."""
    if tick.cgroup is not None and tick.cgroup.effective_cpus is not None:
        return tick.cgroup.effective_cpus
    if before is None and tick.host is not None and tick.host.cpu_count is not None:
        return float(tick.host.cpu_count)
    return before


def ended(episode: Episode | None, t_s: float) -> list[Episode]:
    """Return the open episode, ended at ``t_s``, as a list; an empty list if no episode is open."""
    return [] if episode is None else [msgspec.structs.replace(episode, end_s=t_s)]


class PhaseKeeper:
    """The phase of the training: from the hook if present, else from the log."""

    def __init__(self) -> None:
        self.phase: Phase = "unknown"
        self.epoch: int | None = None
        self.began_s = 0.0

    def see(self, tick: Tick) -> bool:
        """Add a tick; return True if phase or epoch changed."""
        before = (self.phase, self.epoch)
        beat = main_beat(tick)
        if beat is not None and beat.phase != "unknown":
            self.phase, self.epoch = beat.phase, beat.epoch
        else:
            for event in tick.events:
                if isinstance(event, PhaseChanged):
                    self.phase, self.epoch = event.phase, event.epoch
        changed = (self.phase, self.epoch) != before
        if changed:
            self.began_s = tick.t_s
        return changed
