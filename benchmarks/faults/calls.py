"""Calls of the user's own code that do not return or return late, in the main process or in data workers."""

from __future__ import annotations

import fcntl
import http.server
import os
import socket
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from benchmarks.faults.fault import AlreadyThere, Armed, Stage
from benchmarks.faults.outside import Outside

KIND, WHERE = "FAULTLAB_STANDS_IN", "FAULTLAB_WHERE"  # environment variables that the trainers read
LOST_WORKER_S = 110.0  # a notice takes a minute and a half


class MainStuck(Armed):
    """The main process is stuck in a call."""

    cause = "main-stands-still"
    acts = True
    trainer = "nnUNetTrainerStands"

    def __init__(self, call: str, **facts: Any) -> None:
        super().__init__(**facts)
        self._call = call

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the call for the trainer."""
        return {**super().prepare(stage), KIND: self._call}


class WorkersStuck(MainStuck):
    """All data workers are stuck in a call."""

    cause = "workers-stand-still"
    trainer = "nnUNetTrainerWorkersStand"


class OneWorkerStuck(Armed):
    """One of three data workers is late or stuck, and the others continue."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the file by which the first worker claims the fault, so that no second one has it."""
        return {**super().prepare(stage), WHERE: str(stage.folder / "taken")}


class SilentServer(MainStuck):
    """They read from a server that accepts every connection and never answers."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Start the server; the kernel accepts the connections."""
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        host, port = self._server.getsockname()
        return {**super().prepare(stage), WHERE: f"{host}:{port}"}

    def undo(self) -> None:
        """Stop the server."""
        self._server.close()


class SilentServerOfWorkers(SilentServer, WorkersStuck):
    """The same, in every worker."""


class FileLock(MainStuck):
    """Such locks are on shared folders, left by a program that hangs elsewhere."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Lock the file."""
        path = stage.folder / "locked"
        self._file = path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return {**super().prepare(stage), WHERE: str(path)}

    def undo(self) -> None:
        """Release the lock."""
        self._file.close()


class TrackingServer(Armed):
    """As with a tracking or plotting service and a client without a timeout."""

    name = "tracking-server"
    summary = "a tracking call of the user's own trainer is never answered"
    cause = "plot-or-extra-hook-hang"
    acts = True
    trainer = "nnUNetTrainerUploads"

    def __init__(self) -> None:
        super().__init__()
        self._silent, self._over = threading.Event(), threading.Event()
        self._server: http.server.ThreadingHTTPServer | None = None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Start a server that answers for now."""
        silent, over = self._silent, self._over

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if silent.is_set():
                    over.wait()
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that it has
                """Log nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{self._server.server_port}/"
        return {**super().prepare(stage), "FAULTLAB_TRACKING_SERVER": where, "no_proxy": "127.0.0.1"}

    def inject(self, outside: Outside) -> None:
        """Let it stop answering."""
        self._silent.set()
        self.strike()

    def relieve(self) -> None:
        """Let waiting requests end."""
        self._over.set()

    def undo(self) -> None:
        """Stop the server."""
        self._over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class PlotHangs(AlreadyThere):
    """Before the first epoch nothing is known of this run: start-up is allowed three minutes."""

    name = "plot-hangs"
    summary = "the plot of the network, before the first epoch, never ends"
    cause = "plot-or-extra-hook-hang"
    gradual = True
    acts = True
    trainer = "nnUNetTrainerPlots"
    watch_s = 215.0
    limit_s = 360.0

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create a program with graphviz' name that only sleeps."""
        program = stage.folder / "bin" / "dot"
        program.parent.mkdir()
        self._begun = stage.folder / "dot-has-begun"
        program.write_text(f"#!/bin/sh\ntouch {self._begun}\nexec sleep 100000\n")
        program.chmod(0o755)
        return {"PATH": os.pathsep.join([str(program.parent), os.environ.get("PATH", "/usr/bin:/bin")])}

    def is_time(self, outside: Outside) -> bool:
        """Count from the call of the program."""
        return self._begun.exists()


class RankBehind(Armed):
    """Two real ranks over gloo, on the CPU; with NCCL the wait ends after ten minutes."""

    name = "rank-behind"
    summary = "one of two DDP ranks sleeps in its step while the other one waits for it"
    cause = "ddp-collective-timeout"
    acts = True
    trainer = "nnUNetTrainerTwoRanks"
    variables: Mapping[str, str] = {"nnUNet_n_proc_DA": "1"}

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the file for their rendezvous."""
        return {**super().prepare(stage), "FAULTLAB_MEETING": str(stage.folder / "meeting")}


def _own(what: str) -> str:
    return f"a step of the user's own {what}"


def _own_transform(what: str) -> str:
    return f"a transform of the user's own {what}, in every worker"


READS = "reads from a server that says nothing"
# A process that computes is watched for a minute before it counts as stalled.
COMPUTES = {"acts": False, "watch_s": 90.0}

FAULTS = (
    partial(MainStuck, "child", name="main-child", summary=_own("waits for a program forever")),
    partial(MainStuck, "lock", name="main-lock", summary=_own("waits for a lock forever")),
    partial(
        MainStuck, "native-loop", name="main-native-loop", summary=_own("never leaves a call of C code"), **COMPUTES
    ),
    partial(MainStuck, "python-loop", name="main-python-loop", summary=_own("is a loop without end"), **COMPUTES),
    partial(FileLock, "file-lock", name="main-file-lock", summary=_own("waits for the lock of a file")),
    partial(SilentServer, "socket", name="main-socket", summary=_own(READS)),
    partial(SilentServerOfWorkers, "socket", name="workers-socket", summary=_own_transform(READS)),
    partial(
        WorkersStuck, "python-loop", name="workers-spin", summary=_own_transform("is a loop without end"), watch_s=120.0
    ),
    TrackingServer,
    PlotHangs,
    RankBehind,
)
HEALTHY = (
    partial(
        OneWorkerStuck,
        name="huge-case",
        summary="a batch of one worker takes 40 s, while the others deliver theirs",
        trainer="nnUNetTrainerHugeCases",
        variables={"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": "40"},
        epochs=14,
        limit_s=420.0,
    ),
    partial(
        OneWorkerStuck,
        name="lost-worker",
        summary="one of three data workers does not come back from a transform, the others go on",
        notices=("lost-worker",),
        trainer="nnUNetTrainerOneWorkerStands",
        variables={"nnUNet_n_proc_DA": "3", "FAULTLAB_LASTS_S": f"{LOST_WORKER_S:.0f}"},
        epochs=200,
        limit_s=420.0,
    ),
)
