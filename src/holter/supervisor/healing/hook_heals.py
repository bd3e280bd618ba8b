"""Replacements of workers that the hook began by itself: one that brings no batch is reported as failed.

The hook reports success with the next batch. If none comes, it waits like any training, and reports nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holter.detectors.view import GAP_S, is_held
from holter.evidence.words import waits_for_storage
from holter.history.ranks import working
from holter.records import DATA_WORKERS, ActionTaken, ProcessSample, Tick
from holter.sentences import as_fields, define

ACTION = "replace-workers"
# The first case of new workers may be huge: then a worker computes.
BRINGS_WITHIN_S = 300.0
AT_WORK_S = 60.0

NO_BATCH = define("act.no-batch", "no batch has come for {age:.0f} s")


class HookHeals:
    """Watches the last replacement that the hook began; ``say`` gets its failure."""

    def __init__(self, say: Callable[[ActionTaken], None]) -> None:
        self._say = say
        self._last_s: float | None = None
        self.forget()

    def forget(self) -> None:
        """Begin again for a process that replaces the last one."""
        self._begun: ActionTaken | None = None
        self._since_s = 0.0

    def see(self, tick: Tick, *, moved: bool, worked_s: float | None) -> None:
        """Process a tick. ``moved``: the training made progress. ``worked_s``: when a worker last computed."""
        gap = self._last_s is not None and tick.t_s - self._last_s > GAP_S
        self._last_s = tick.t_s
        for event in tick.events:
            if isinstance(event, ActionTaken) and event.action == ACTION and event.state != "proposed":
                begins = event.state == "begun" and event.source == "hook"
                self._begun, self._since_s = event if begins else None, tick.t_s
        # The hook begins within a second after the last step, often in the tick that shows it.
        step_s = max((beat.progressed_s or tick.t_s for beat in working(tick.beats)), default=tick.t_s)
        if moved and self._begun is not None and step_s > self._begun.t_s:
            self._begun = None
        if gap or is_held(tick) or any(map(_waits_for_storage, tick.processes)):
            self._since_s = tick.t_s
        works = worked_s is not None and tick.t_s - worked_s < AT_WORK_S
        age_s = tick.t_s - self._since_s
        if self._begun is None or works or age_s < BRINGS_WITHIN_S:
            return
        failed = msgspec.structs.replace(
            self._begun, t_s=tick.t_s, state="failed", source="supervisor", pids=(), **as_fields(NO_BATCH(age=age_s))
        )
        self._begun = None
        self._say(failed)


# The first case of new workers, from a slow file server.
def _waits_for_storage(process: ProcessSample) -> bool:
    return process.role in DATA_WORKERS and (process.state == "D" or waits_for_storage(process))
