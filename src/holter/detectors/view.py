"""What several detectors need: values of one tick, the phase, and the end of an episode."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import msgspec

from holter.evidence.words import is_in_freezer
from holter.history.ranks import main_beat
from holter.records import WORKERS, Episode, EpisodeKind, Phase, PhaseChanged, Text, Tick

STOPPED = ("T", "t")
# By a debugger, and not by a signal: only the debugger can let it go on, and a person works with it.
HELD = "t"
# Recorder and training may be stopped together (Ctrl-Z, a suspended laptop). A longer gap between ticks proves nothing.
GAP_S = 5.0
# The subject of an episode about all of it.
TRAINING = "training"
# Shorter epochs than a minute are averaged over a minute: a few of one second each would be judged by what the machine
# did in those seconds. One of 40 s or more is a point alone. With a minute here, too, epochs of about a minute would be
# alone where they are slow, and half of a point where they are fast.
POINT_OF_EPOCHS_S = 60.0
ALONE_S = 40.0


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


class OpenEpisodes:
    """The open episodes of one detector, at most one for each key: its subject, or a PID."""

    def __init__(self, detector: str, kind: EpisodeKind) -> None:
        self._detector, self._kind = detector, kind
        self._open: dict[Hashable, Episode] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._open

    def __iter__(self) -> Iterator[Hashable]:
        return iter(tuple(self._open))

    def begin(
        self, tick: Tick, start_s: float, reason: Text, key: Hashable = TRAINING, **about: Any
    ) -> tuple[Episode, ...]:
        """Open an episode at this tick, and return it; nothing if one with this key is open.

        ``about``: other fields of the episode. Its phase and PID are those of the main process if they are not given.
        """
        if key in self:
            return ()
        beat = main_beat(tick)
        of_main = {"phase": beat.phase, "pid": beat.pid} if beat is not None else {"phase": "unknown"}
        fields: dict[str, Any] = {"subject": key, **of_main, **about}
        self._open[key] = Episode(
            kind=self._kind, start_s=start_s, alarm_s=tick.t_s, detector=self._detector, reason=reason, **fields
        )
        return (self._open[key],)

    def end(self, t_s: float, key: Hashable = TRAINING) -> tuple[Episode, ...]:
        """Return the episode with this key, ended now; nothing if none is open."""
        episode = self._open.pop(key, None)
        return () if episode is None else (msgspec.structs.replace(episode, end_s=max(t_s, episode.alarm_s)),)


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


class Epochs(NamedTuple):
    """Consecutive epochs that took a minute together; a longer epoch is alone."""

    number: int
    lasted_s: float

    @property
    def usual_s(self) -> float:
        """The mean time of one of them."""
        return self.lasted_s / self.number


class EpochTimes:
    """Joins short epochs to points that can be compared."""

    def __init__(self) -> None:
        self._number, self._lasted_s = 0, 0.0

    def add(self, duration_s: float) -> Epochs | None:
        """Add an epoch; return the point that it completes, if it does."""
        self._number, self._lasted_s = self._number + 1, self._lasted_s + duration_s
        if self._lasted_s < (ALONE_S if self._number == 1 else POINT_OF_EPOCHS_S):
            return None
        point = Epochs(self._number, self._lasted_s)
        self._number, self._lasted_s = 0, 0.0
        return point
