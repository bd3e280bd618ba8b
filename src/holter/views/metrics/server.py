"""Answer scrapes on a socket that the parent has bound. Read-only: any path gives the same numbers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

PAGE = b"<html><head><title>Holter</title></head><body><a href='metrics'>metrics</a></body></html>\n"
# A client that sends nothing keeps a thread for so long.
CLIENT_S = 10.0


class Server:
    """Serves ``metrics()`` until it is closed; one thread for each scrape."""

    def __init__(self, listening: socket.socket, metrics: Callable[[], bytes]) -> None:
        class Handler(_Handler):
            text = staticmethod(metrics)

        self._server = _Server(listening, Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering, and close the socket."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = listening.family
        super().__init__(listening.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is no error, and stderr is the training's."""


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "holter", ""
    timeout = CLIENT_S
    text: Callable[[], bytes]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, type(self).text())
        elif path == "/":
            self._answer(200, "text/html; charset=utf-8", PAGE)
        else:
            self._answer(404, "text/plain; charset=utf-8", b"see /metrics\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Write no log: stderr is the training's."""

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
