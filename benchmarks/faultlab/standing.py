"""Bases of faults in which a call of the user's own code does not return."""

from __future__ import annotations

import socket

from benchmarks.faultlab.fault import Armed, ArmedTraining, Healthy
from benchmarks.survival.fault import Stage

KIND, WHERE = "FAULTLAB_STANDS_IN", "FAULTLAB_WHERE"  # variables that the trainers read


class Stands(Armed):
    """The main process is stuck."""

    stands_in = ""  # kind of call that it is stuck in
    cause = "main-stands-still"
    acts = True
    trainer = "nnUNetTrainerStands"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the call for the trainer."""
        return {**super().prepare(stage), KIND: self.stands_in}


class WorkersStand(Stands):
    """All data workers are stuck."""

    cause = "workers-stand-still"
    trainer = "nnUNetTrainerWorkersStand"


class AtSilentServer(Stands):
    """Base: they read from a server that never answers."""

    stands_in = "socket"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Start the server."""
        self._server = SilentServer()
        return {**super().prepare(stage), WHERE: self._server.address}

    def undo(self) -> None:
        """Stop the server."""
        self._server.close()


class OneWorkerBusy(ArmedTraining, Healthy):
    """Base: one of three data workers is late or stuck, and the others continue."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the file by which the first worker claims the fault, so that no second one has it."""
        return {**super().prepare(stage), WHERE: str(stage.folder / "taken")}


class SilentServer:
    """A server that accepts every connection and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def address(self) -> str:
        """Host and port; the kernel accepts the connections."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
