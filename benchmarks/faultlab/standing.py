"""Bases of faults in which a call of the user's own does not return."""

from __future__ import annotations

import socket

from benchmarks.faultlab.fault import Armed
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
