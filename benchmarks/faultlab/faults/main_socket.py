"""The main process waits for a server that accepts the connection and never answers."""

from __future__ import annotations

from benchmarks.faultlab.standing import AtSilentServer


class MainSocket(AtSilentServer):
    """The user's own training step reads from that server."""

    name = "main-socket"
    summary = "a step of the user's own reads from a server that says nothing"


SCENARIO = MainSocket
