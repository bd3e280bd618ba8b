"""The kernel counts the bytes of each connection."""

from __future__ import annotations

import os
import socket

import pytest

from holter.linux.tcp_bytes import bytes_by_inode


def inode_of(line: socket.socket) -> str:
    return os.readlink(f"/proc/self/fd/{line.fileno()}")[len("socket:[") : -1]  # noqa: PTH115 - no path


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
            if not before:
                pytest.skip("the kernel does not tell it")
            assert inode_of(server) not in before
            line.sendall(bytes(1000))
            assert len(far.recv(1000, socket.MSG_WAITALL)) == 1000
            far.sendall(bytes(30))
            assert len(line.recv(30, socket.MSG_WAITALL)) == 30
            after = bytes_by_inode()
            for end in (line, far):
                assert after[inode_of(end)] - before[inode_of(end)] == 1030
