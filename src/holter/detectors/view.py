"""Small questions about a tick that several detectors ask."""

from __future__ import annotations

from holter.evidence.words import WORKERS
from holter.records import Beat, Phase, PhaseChanged, ProcessSample, Tick

# Recorder and training may be stopped together (Ctrl-Z, a suspended laptop). A gap this long says nothing.
GAP_S = 5.0


def main_beat(tick: Tick) -> Beat | None:
    """Heartbeat of the training's main process; of rank 0 where there are several."""
    return min((beat for beat in tick.beats if beat.role == "main"), key=lambda beat: beat.pid, default=None)


def main_process(tick: Tick) -> ProcessSample | None:
    """The training's main process."""
    return next((process for process in tick.processes if process.role == "main"), None)


def is_paused(tick: Tick) -> bool:
    """Everything is stopped together: somebody's terminal or scheduler, not a fault."""
    data = [process for process in tick.processes if process.role in ("main", *WORKERS)]
    return bool(data) and all(process.state in ("T", "t") for process in data)


class PhaseKeeper:
    """The phase of the training: from the hook where it is there, else from the log."""

    def __init__(self) -> None:
        self.phase: Phase = "unknown"
        self.epoch: int | None = None
        self.began_s = 0.0

    def see(self, tick: Tick) -> bool:
        """Take in a tick; True if the phase changed."""
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
