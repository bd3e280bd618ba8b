"""``holter notify-test``: one message to a real server, and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

GOT: list[dict[str, object]] = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        GOT.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(403 if "refuse" in self.path else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def notify_test(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holter", "notify-test", *words]
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        **environ,
    }
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=variables, cwd=folder, check=False)


def test_one_message_is_sent_and_the_token_is_not_printed(url: str, tmp_path: Path) -> None:
    GOT.clear()
    done = notify_test(tmp_path, f"{url}/T0KEN")
    assert (done.returncode, len(GOT)) == (0, 1), done.stderr
    assert GOT[0]["events"] == ["test"] and "This address works" in str(GOT[0]["text"])
    assert "accepted the message" in done.stdout and "T0KEN" not in done.stdout + done.stderr


def test_a_refusal_is_exit_code_1(url: str, tmp_path: Path) -> None:
    done = notify_test(tmp_path, f"{url}/refuse", "--lang", "zh")
    assert done.returncode == 1
    assert "HTTP 状态码 403" in done.stderr


def test_without_an_address_the_one_that_is_set_is_tried(url: str, tmp_path: Path) -> None:
    GOT.clear()
    assert notify_test(tmp_path, HOLTER_NOTIFY=f"{url}/x").returncode == 0
    (tmp_path / "holter.toml").write_text(f"notify = '{url}/y'\n")
    assert notify_test(tmp_path).returncode == 0
    assert len(GOT) == 2


def test_no_address_at_all_names_the_next_command(tmp_path: Path) -> None:
    done = notify_test(tmp_path)
    assert done.returncode == 2
    assert "holter notify-test ADDRESS" in done.stderr
