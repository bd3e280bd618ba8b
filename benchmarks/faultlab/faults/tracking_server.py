"""The user's own training step waits for a server that accepts the connection and never answers."""

from __future__ import annotations

import http.server
import threading
from typing import Any

from benchmarks.faultlab.fault import Armed
from benchmarks.faults.outside import Outside
from benchmarks.survival.fault import Stage


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


SCENARIO = TrackingServer
