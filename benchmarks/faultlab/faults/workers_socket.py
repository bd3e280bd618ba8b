"""All data workers wait for a server that never answers."""

from __future__ import annotations

from benchmarks.faultlab.standing import AtSilentServer, WorkersStand


class WorkersSocket(AtSilentServer, WorkersStand):
    """The user's own transform reads from that server, in every worker."""

    name = "workers-socket"
    summary = "a transform of the user's own reads from a server that says nothing, in every worker"


SCENARIO = WorkersSocket
