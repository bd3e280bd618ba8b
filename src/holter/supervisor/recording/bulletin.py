"""Decide when a healthy run gets a line about its speed: rarely, so that a log of three days stays readable."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holter.history.pace import Pace, PaceKeeper
from holter.records import Tick

EVERY_S = 1800.0
EVERY_EPOCHS = 25
# Of epochs that take seconds, 25 are over at once.
PAUSE_S = 120.0
# The first epoch contains warm-up and compilation; with the second there is a length to go by.
FIRST_AFTER = 2


class Bulletin:
    """Follows the speed of a run, and decides when to print a line about it."""

    def __init__(self, variables: Mapping[str, str], zero_wall_s: float) -> None:
        """``variables``: environment of the training. ``zero_wall_s``: wall time at which the run's clock was 0."""
        self._keeper = PaceKeeper()
        self._slot_ends_s = _slot_end(variables, zero_wall_s)
        self._due_s = EVERY_S
        self._due_done: int | None = None  # complete epochs
        self._said_s = float("-inf")

    def see(self, tick: Tick, epochs: int | None) -> tuple[Pace, bool]:
        """Return the speed, and whether it is time for a line; ``epochs``: how many the trainer plans, if known."""
        self._keeper.see(tick)
        pace = self._keeper.now(tick.t_s, epochs)
        if self._slot_ends_s is not None:
            pace = msgspec.structs.replace(pace, slot_left_s=max(0.0, self._slot_ends_s - tick.t_s))
        if self._due_done is None and self._keeper.seen:
            self._due_done = pace.done - self._keeper.seen + FIRST_AFTER
        done_enough = self._due_done is not None and pace.done >= self._due_done
        is_due = tick.t_s >= self._due_s or (done_enough and tick.t_s >= self._said_s + PAUSE_S)
        if is_due:
            self._said_s, self._due_s = tick.t_s, tick.t_s + EVERY_S
            self._due_done = pace.done + EVERY_EPOCHS
        return pace, is_due


def _slot_end(variables: Mapping[str, str], zero_wall_s: float) -> float | None:
    # Slurm's own forecast, in seconds since 1970 (sbatch(1), OUTPUT ENVIRONMENT VARIABLES).
    try:
        return float(variables["SLURM_JOB_END_TIME"]) - zero_wall_s
    except (KeyError, ValueError):
        return None
