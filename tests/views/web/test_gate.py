"""Who gets in: by real requests to a real server."""

from __future__ import annotations

import gzip
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playing import KEPT, Served, holter_web

from needs import needs

NOBODY = 65534


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with holter_web(KEPT / "frozen_worker" / "fault.holter") as served:
        yield served


@pytest.mark.slow
def test_the_address_becomes_a_cookie_that_no_script_reads_and_no_other_site_sends(web: Served) -> None:
    status, headers, body = web.get(f"/?token={web.token}", cookie=False)
    assert status == 200
    assert {part.strip() for part in headers["set-cookie"].split(";")[1:]} == {"HttpOnly", "SameSite=Strict"}
    assert b'url=./"' in body, "the address without the token is opened by a step of our own page"
    assert web.token.encode() not in body
    assert web.get("/")[0] == 200


def test_a_deep_address_with_the_token_leads_to_the_root_first(web: Served) -> None:
    _, headers, body = web.get(f"/run/abc/?token={web.token}", cookie=False)
    assert "set-cookie" not in headers
    assert f'url=../../?token={web.token}"'.encode() in body


@pytest.mark.parametrize("path", ["/", "/live", "/poll", "/static/report.css", "/static/web.js", "/nothing"])
def test_without_the_token_everything_is_refused(web: Served, path: str) -> None:
    assert web.get(path, cookie=False)[0] == 403
    assert web.get(path + "?token=" + "A" * 22, cookie=False)[0] == 403
    name = web.cookie.partition("=")[0]
    assert web.get(path, cookie=False, Cookie=f"{name}={'A' * 22}; x=1")[0] == 403
    assert web.get(path, cookie=False, Cookie="\xff\xfe;;=;" + name)[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@evil", "", "["]
)
def test_a_foreign_host_is_refused_with_the_token_too(web: Served, host: str) -> None:
    status, _, body = web.get("/", Host=host)
    assert status == 403
    assert b"<h1>" in body and web.token.encode() not in body
    assert web.get(f"/?token={web.token}", cookie=False, Host=host)[0] == 403


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1234", "127.0.0.1:9999", "[::1]:80"])
def test_the_other_end_of_a_tunnel_has_another_port(web: Served, host: str) -> None:
    assert web.get("/", Host=host)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/static/../../../../etc/passwd",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/web.js",
        "/static/..\\..\\etc\\passwd",
        "/run/..%2f..%2fetc/",
        "/%00",
    ],
)
def test_a_path_that_climbs_is_refused(web: Served, path: str) -> None:
    status, _, body = web.get(path)
    assert status == 403
    assert b"root:" not in body


@pytest.mark.parametrize(
    "path", ["/nothing", "/static/nothing.js", "/run/0123456789ab/", "/static/web.py", "//etc/passwd"]
)
def test_what_is_not_there_is_not_found(web: Served, path: str) -> None:
    assert web.get(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_the_pages_can_only_be_read(web: Served, method: str) -> None:
    status, headers, _ = web.get("/", method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/live", "/poll", "/static/web.js"])
def test_a_head_has_no_body_and_ends(web: Served, path: str) -> None:
    status, _, body = web.get(path, method="HEAD")
    assert (status, body) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/web.js", "/poll"])
def test_every_answer_forbids_what_the_page_does_not_need(web: Served, path: str) -> None:
    for cookie in (True, False):
        headers = web.get(path, cookie=cookie)[1]
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert "unsafe-inline" not in policy["style-src-elem"]
        assert policy["connect-src"] == "'self'" and policy["frame-ancestors"] == "'self'"
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_the_page_has_no_script_of_its_own_and_only_relative_addresses(web: Served) -> None:
    page = gzip.decompress(web.get("/")[2]).decode()
    scripts = re.findall(r"<script([^>]*)>", page)
    assert scripts and all("src=" in script or "application/json" in script for script in scripts)
    assert not re.search(r"\son\w+=", re.sub(r"<script.*?</script>", "", page, flags=re.S))
    addresses = re.findall(r"(?:src|href)=\"([^\"]*)\"", page)
    assert addresses and all(not address.startswith(("/", "http", "//")) for address in addresses)


@pytest.mark.slow
def test_a_name_of_the_users_own_proxy_can_be_allowed(tmp_path: Path) -> None:
    with holter_web(tmp_path, "--allow-host", "hub.example.org") as web:
        assert web.get("/", Host="hub.example.org")[0] == 200
        assert web.get("/", Host="hub.example.org:8000")[0] == 200
        assert web.get("/", Host="other.example.org")[0] == 403


@pytest.mark.slow
def test_the_token_is_new_and_long_and_in_no_command_line(tmp_path: Path) -> None:
    with holter_web(tmp_path) as one, holter_web(tmp_path) as two:
        assert one.token != two.token and len(one.token) >= 22
        assert one.cookie.partition("=")[0] != two.cookie.partition("=")[0], "ports share their cookies"
        assert one.token.encode() not in Path(f"/proc/{one.process.pid}/cmdline").read_bytes()


def _as_nobody(code: str) -> str:
    # Imported before: this Python's library may belong to root alone.
    program = f"import os, socket; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


@needs("root")
def test_another_user_of_the_machine_gets_nothing(web: Served) -> None:
    said = _as_nobody(
        f"asks = socket.socket(); asks.connect((b'127.0.0.1', {web.port}))\n"
        "asks.sendall(b'GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')\n"
        "print(os.getuid(), asks.recv(100).split()[1].decode())"
    )
    assert said.strip() == f"{NOBODY} 403"


@pytest.mark.slow
@needs("root")
def test_another_user_cannot_connect_to_the_socket(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path = tmp_path / "web.sock"
    with holter_web(tmp_path, "--socket", path) as web:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        first, then, *_ = web.words.splitlines()
        assert first.startswith("On the machine with your browser, first: ssh ") and f":{path} " in first
        assert then.startswith("Open http://127.0.0.1:8765/"), "it leads nowhere before the tunnel is there"
        said = _as_nobody(f"socket.socket(socket.AF_UNIX).connect({str(path)!r})")
        assert "PermissionError" in said
        with socket.socket(socket.AF_UNIX) as mine:
            mine.connect(str(path))
            mine.sendall(b"GET / HTTP/1.1\r\nHost: localhost:8765\r\n\r\n")
            assert b"403" in mine.recv(100)
        web.process.send_signal(signal.SIGTERM)
        assert web.process.wait(20) == 0
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a device is needed")
def test_a_socket_takes_the_place_of_a_dead_one_and_of_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with holter_web(tmp_path, "--socket", path) as web:
        again = subprocess.run(
            [sys.executable, "-m", "holter", "web", str(tmp_path), "--socket", str(path), "--lang", "en"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert again.returncode == 2
        assert "Another program listens" in again.stderr
        web.end()
    path.write_text("mine")
    refused = subprocess.run(
        [sys.executable, "-m", "holter", "web", str(tmp_path), "--socket", str(path), "--lang", "en"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert refused.returncode == 2 and "is not a socket" in refused.stderr
    assert path.read_text() == "mine"
