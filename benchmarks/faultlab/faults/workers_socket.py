"""All data workers wait for a server that says nothing."""

from __future__ import annotations

from benchmarks.faultlab.standing import WHERE, SilentServer, WorkersStand
from benchmarks.survival.fault import Stage


class WorkersSocket(WorkersStand):
    """A transform of the user's own reads from a server that says nothing, in every worker."""

    name = "workers-socket"
    summary = "a transform of the user's own reads from a server that says nothing, in every worker"
    stands_in = "socket"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Open the server."""
        self._server = SilentServer()
        return {**super().prepare(stage), WHERE: self._server.address}

    def undo(self) -> None:
        """Close it."""
        self._server.close()


SCENARIO = WorkersSocket
