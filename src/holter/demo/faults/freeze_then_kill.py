"""Two faults that end a stock training, and that Holter heals: a frozen worker, then a killed main process."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
from holter.demo.faults.fault import Context, DemoFault
from holter.demo.faults.freeze_worker import FreezeWorker
from holter.demo.faults.kill_main import KillMain


class FreezeThenKill(DemoFault):
    """Freezes a worker; after it was replaced and an epoch has ended, kills the main process."""

    name = "freeze-then-kill"
    true_cause: str | None = "frozen-worker"
    heals = True

    def __init__(self) -> None:
        self._freeze = FreezeWorker()
        self._kill = KillMain()

    def prepare(self, context: Context) -> dict[str, str]:
        """Return the setting that saves after every epoch, which takes only seconds in the demo."""
        return {"HOLTER_CHECKPOINT_EVERY_S": "0"}

    def inject(self, context: Context) -> None:
        self._freeze.inject(context)

    def inject_next(self, context: Context) -> None:
        """Kill the main process."""
        self._kill.inject(context)

    def relieve(self, context: Context) -> None:
        """Resume the worker, if it still exists."""
        self._freeze.relieve(context)

    def undo(self, context: Context) -> None:
        """Resume the worker and kill the orphans."""
        self.relieve(context)
        self._kill.undo(context)
