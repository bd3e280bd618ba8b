"""The main process waits for a server that takes the call and says nothing."""

from __future__ import annotations

from benchmarks.faultlab.standing import AtSilentServer


class MainSocket(AtSilentServer):
    """A step of the user's own reads from a server that says nothing."""

    name = "main-socket"
    summary = "a step of the user's own reads from a server that says nothing"


SCENARIO = MainSocket
