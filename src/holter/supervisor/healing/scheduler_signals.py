"""React to a scheduler's warning: let the training save and end, so that the job can continue it later."""

from __future__ import annotations

import signal
import time

from holter.supervisor.healing.control import Control

# Slurm kills 30 s after SIGTERM (KillWait), Kubernetes and many others as well.
TERM_WITHIN_S = 20.0


class SchedulerSignals:
    """Turns SIGUSR1 and SIGTERM into "save and end".

    SIGUSR1 comes minutes before the time limit (``--signal=B:USR1@600``): the epoch may be finished. After SIGTERM
    there is little time; the last checkpoint, at most one epoch old, is already on disk.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._until_s: float | None = None
        self.asked = False

    def take(self, number: int, generation: int) -> bool:
        """Ask the training to save and end after SIGUSR1 or SIGTERM (``number``); return False for any other signal.

        The caller passes other signals on. ``generation``: the number of the process that is asked.
        """
        if number not in (signal.SIGUSR1, signal.SIGTERM):
            return False
        self._control.ask("stop", signal.Signals(number).name, generation)
        self.asked = True
        if number == signal.SIGTERM and self._until_s is None:
            self._until_s = time.monotonic() + TERM_WITHIN_S
        return True

    @property
    def is_late(self) -> bool:
        """Return whether the time after SIGTERM is over, so that the training must be ended now."""
        return self._until_s is not None and time.monotonic() >= self._until_s
