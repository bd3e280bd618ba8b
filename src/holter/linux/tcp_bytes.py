"""Ask the kernel how many bytes each TCP connection has moved (sock_diag(7)); that needs no rights."""

from __future__ import annotations

import socket
import struct

_SOCK_DIAG, _BY_FAMILY = 4, 20
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2
_INFO = 2  # INET_DIAG_INFO: a struct tcp_info
# Neither waiting for connections (LISTEN) nor over (TIME_WAIT).
_STATES = 0xFFF & ~(1 << 10) & ~(1 << 6)
_HEADER = struct.Struct("=IHHII")
_MESSAGE_BYTES, _INODE_AT = 72, 68
# tcpi_bytes_acked and tcpi_bytes_received, since Linux 4.1.
_BYTES, _BYTES_AT = struct.Struct("=QQ"), 120
_ANSWERED_WITHIN_S = 1.0
_MOST_BYTES = 1 << 16


def bytes_by_inode() -> dict[str, int]:
    """Return the bytes sent and received by each connection of this network namespace, by the inode of its socket.

    Empty if the kernel does not tell it.
    """
    found: dict[str, int] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as line:
            line.settimeout(_ANSWERED_WITHIN_S)
            for family in (socket.AF_INET, socket.AF_INET6):
                wanted = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), _STATES)
                line.sendall(_HEADER.pack(_HEADER.size + len(wanted), _BY_FAMILY, _REQUEST_DUMP, 0, 0) + wanted)
                while not _take(line.recv(_MOST_BYTES), found):
                    pass
    except (OSError, AttributeError, struct.error):  # no such family (gVisor, other systems), or no answer
        return {}
    return found


# Whether the answer is complete.
def _take(answer: bytes, found: dict[str, int]) -> bool:
    at = 0
    while at + _HEADER.size <= len(answer):
        size, kind, *_ = _HEADER.unpack_from(answer, at)
        if kind in (_DONE, _ERROR) or size < _HEADER.size:
            return True
        _read(answer[at + _HEADER.size : at + size], found)
        at += size + -size % 4
    return not answer


def _read(message: bytes, found: dict[str, int]) -> None:
    (inode,) = struct.unpack_from("=I", message, _INODE_AT)
    at = _MESSAGE_BYTES
    while at + 4 <= len(message):
        size, kind = struct.unpack_from("=HH", message, at)
        if kind == _INFO and size - 4 >= _BYTES_AT + _BYTES.size:
            found[str(inode)] = sum(_BYTES.unpack_from(message, at + 4 + _BYTES_AT))
        at += max(4, size + -size % 4)
