"""The kernel counts the bytes of each connection."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from holter.linux import tcp_bytes
from holter.linux.tcp_bytes import bytes_by_inode
from needs import needs


def inode_of(line: socket.socket) -> str:
    return os.readlink(f"/proc/self/fd/{line.fileno()}")[len("socket:[") : -1]  # noqa: PTH115 - no path


@needs("sock-diag")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_what_was_sent_and_received_is_counted(family: socket.AddressFamily, host: str) -> None:
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {family.name} here")
    with server, socket.create_connection(server.getsockname()[:2]) as line:
        far, _ = server.accept()
        with far:
            before = bytes_by_inode()
            assert before, "there is a connection"
            assert inode_of(server) not in before
            line.sendall(bytes(1000))
            assert len(far.recv(1000, socket.MSG_WAITALL)) == 1000
            far.sendall(bytes(30))
            assert len(line.recv(30, socket.MSG_WAITALL)) == 30
            after = bytes_by_inode()
            assert after
            for end in (line, far):
                assert after[inode_of(end)] - before[inode_of(end)] == 1030


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Stands for the kernel: what is sent here is its answer."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    names = {name: getattr(socket, name) for name in ("AF_INET", "AF_INET6", "SOCK_RAW", "IPPROTO_TCP")}
    monkeypatch.setattr(tcp_bytes, "socket", SimpleNamespace(AF_NETLINK=16, socket=lambda *_: there, **names))
    with here, there:
        yield here


def message(kind: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 0, 0, 0) + payload


DONE, REFUSED = message(3, struct.pack("=i", 0)), struct.pack("=i", -2)


def test_an_answer_without_connections_is_an_answer(kernel: socket.socket) -> None:
    kernel.send(DONE)
    kernel.send(DONE)
    assert bytes_by_inode() == {}


@pytest.mark.parametrize(
    "answer", [message(2, REFUSED), message(3, REFUSED), bytes(16)], ids=["error", "done", "empty"]
)
def test_a_refusal_says_nothing_about_connections(kernel: socket.socket, answer: bytes) -> None:
    kernel.send(answer)
    assert bytes_by_inode() is None


def test_an_answer_without_end_is_given_up_in_time(kernel: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_bytes, "_ANSWERED_WITHIN_S", 0.2)
    over = threading.Event()

    def goes_on() -> None:
        while not over.wait(0.02) and time.monotonic() < until_s:
            with contextlib.suppress(OSError):  # nobody listens any more
                kernel.send(message(20, bytes(72)))

    until_s = time.monotonic() + 5.0
    thread = threading.Thread(target=goes_on)
    thread.start()
    began_s = time.monotonic()
    try:
        assert bytes_by_inode() is None
        assert time.monotonic() - began_s < 3.0
    finally:
        over.set()
        thread.join()
