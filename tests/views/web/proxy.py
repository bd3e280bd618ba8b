"""A small reverse proxy like those of JupyterHub and Open OnDemand: it removes a prefix, and may hold streams back."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

# Headers of one connection, which a proxy does not pass on.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Proxy:
    """Serves ``PREFIX…`` from ``…`` at a port of this machine. ``host``: what it sends as Host, else the browser's."""

    def __init__(self, port: int, prefix: str, *, host: str | None = None, buffers: bool = False) -> None:
        self.prefix = prefix

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if not self.path.startswith(prefix):
                    self.send_error(404)
                    return
                behind = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP | {"host"}}
                headers["Host"] = host or self.headers["Host"]
                behind.request("GET", "/" + self.path[len(prefix) :], headers=headers)
                answer = behind.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                if answer.getheader("content-type", "").startswith("text/event-stream"):
                    self._stream(answer)
                else:
                    body = answer.read()
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                behind.close()

            def _stream(self, answer: http.client.HTTPResponse) -> None:
                self.send_header("Connection", "close")
                self.close_connection = True
                self.end_headers()
                held = b""
                try:
                    while part := answer.read1(65536):
                        held += part
                        if not buffers or len(held) > 1 << 20:
                            self.wfile.write(held)
                            self.wfile.flush()
                            held = b""
                except OSError:
                    pass  # the browser is gone

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{prefix}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
