"""The main process waits for a server that takes the call and says nothing."""

from __future__ import annotations

from benchmarks.faultlab.standing import WHERE, SilentServer, Stands
from benchmarks.survival.fault import Stage


class MainSocket(Stands):
    """A step of the user's own reads from a server that says nothing."""

    name = "main-socket"
    summary = "a step of the user's own reads from a server that says nothing"
    stands_in = "socket"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Open the server."""
        self._server = SilentServer()
        return {**super().prepare(stage), WHERE: self._server.address}

    def undo(self) -> None:
        """Close it."""
        self._server.close()


SCENARIO = MainSocket
