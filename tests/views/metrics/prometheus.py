"""Debian's Prometheus on a free port, with a short scrape interval."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0


class Prometheus:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query: series with ``metric`` and ``value``."""
        return list(self.get("query", query=expr)["result"])

    def wait_for(self, expr: str) -> list[dict[str, Any]]:
        """The result, as soon as it is not empty."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError, urllib.error.URLError):
                if found := self.query(expr):
                    return found
            time.sleep(0.25)
        raise AssertionError(f"no data: {expr}")

    def firing(self) -> set[str]:
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"}


def free_port() -> int:
    """A port that was free a moment ago; the kernel does not soon give it again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def prometheus(folder: Path, target: str, rules: str) -> Iterator[Prometheus]:
    """A Prometheus that scrapes ``target`` every second."""
    folder.mkdir()
    (folder / "holter.rules.yml").write_text(rules, encoding="utf-8")
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["holter.rules.yml"],
        "scrape_configs": [{"job_name": "holter", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    server = Prometheus(free_port())
    # Without its own storage it would take that of the machine, with the series of other runs.
    options = ("--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={server.address}")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", *options],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        yield server
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
