"""Ask the kernel how many bytes each TCP connection has moved (sock_diag(7)); that needs no rights."""

from __future__ import annotations

import socket
import struct
import time

_SOCK_DIAG, _BY_FAMILY = 4, 20
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2
_RESULT = struct.Struct("=i")  # what follows the header of both: 0, or a negative error number
_INFO = 2  # INET_DIAG_INFO: a struct tcp_info
# Neither waiting for connections (LISTEN) nor over (TIME_WAIT).
_STATES = 0xFFF & ~(1 << 10) & ~(1 << 6)
_HEADER = struct.Struct("=IHHII")
_MESSAGE_BYTES, _INODE_AT = 72, 68
# tcpi_bytes_acked and tcpi_bytes_received, since Linux 4.1.
_BYTES, _BYTES_AT = struct.Struct("=QQ"), 120
_ANSWERED_WITHIN_S = 1.0  # the whole answer
_MOST_BYTES = 1 << 16


def bytes_by_inode() -> dict[str, int] | None:
    """Return the bytes sent and received by each connection of this network namespace, by the inode of its socket.

    None if the kernel does not tell it; a connection that it does not count is missing.
    """
    found: dict[str, int] = {}
    until_s = time.monotonic() + _ANSWERED_WITHIN_S
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as line:
            for family in (socket.AF_INET, socket.AF_INET6):
                wanted = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), _STATES)
                line.sendall(_HEADER.pack(_HEADER.size + len(wanted), _BY_FAMILY, _REQUEST_DUMP, 0, 0) + wanted)
                while not _take(_receive(line, until_s), found):
                    pass
    except (OSError, AttributeError, struct.error):  # no such family (gVisor, other systems), an error, or no answer
        return None
    return found


def _receive(line: socket.socket, until_s: float) -> bytes:
    left_s = until_s - time.monotonic()
    if left_s <= 0.0:
        raise TimeoutError
    line.settimeout(left_s)
    return line.recv(_MOST_BYTES)


# Whether the answer is complete.
def _take(answer: bytes, found: dict[str, int]) -> bool:
    at = 0
    while at + _HEADER.size <= len(answer):
        size, kind, *_ = _HEADER.unpack_from(answer, at)
        if kind in (_DONE, _ERROR):
            if _RESULT.unpack_from(answer, at + _HEADER.size)[0] < 0:
                raise OSError("the kernel refuses")
            return True
        if size < _HEADER.size:
            raise OSError("no message")
        _read(answer[at + _HEADER.size : at + size], found)
        at += size + -size % 4
    return False


def _read(message: bytes, found: dict[str, int]) -> None:
    (inode,) = struct.unpack_from("=I", message, _INODE_AT)
    at = _MESSAGE_BYTES
    while at + 4 <= len(message):
        size, kind = struct.unpack_from("=HH", message, at)
        if kind == _INFO and size - 4 >= _BYTES_AT + _BYTES.size:
            found[str(inode)] = sum(_BYTES.unpack_from(message, at + 4 + _BYTES_AT))
        at += max(4, size + -size % 4)
