"""Bases of faults in which a call of the user's own does not return."""

from __future__ import annotations

import socket

from benchmarks.faultlab.fault import Armed, ArmedTraining, Healthy
from benchmarks.survival.fault import Stage

KIND, WHERE = "FAULTLAB_STANDS_IN", "FAULTLAB_WHERE"  # variables that the trainers read


class Stands(Armed):
    """The main process stands."""

    stands_in = ""  # what it waits for
    cause = "main-stands-still"
    acts = True
    trainer = "nnUNetTrainerStands"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Tell the trainer what to call."""
        return {**super().prepare(stage), KIND: self.stands_in}


class WorkersStand(Stands):
    """All data workers stand."""

    cause = "workers-stand-still"
    trainer = "nnUNetTrainerWorkersStand"


class AtSilentServer(Stands):
    """Base: they read from a server that says nothing."""

    stands_in = "socket"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Open the server."""
        self._server = SilentServer()
        return {**super().prepare(stage), WHERE: self._server.address}

    def undo(self) -> None:
        """Close it."""
        self._server.close()


class OneWorkerBusy(ArmedTraining, Healthy):
    """Base: one of three data workers comes back late or never, and the others go on."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Name the file that the worker leaves when it takes its turn: no second one does."""
        return {**super().prepare(stage), WHERE: str(stage.folder / "taken")}


class SilentServer:
    """A server that takes every call and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def address(self) -> str:
        """Host and port; connections are taken by the kernel."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        """No more."""
        self._socket.close()
