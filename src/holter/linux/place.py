"""Identity of the host, its boot and the PID namespace: a PID has a meaning only within them."""

from __future__ import annotations

import socket
import time
from pathlib import Path


def here() -> str:
    """Return host name, boot and PID namespace. A PID shows whether its process lives only if all three are equal."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, space = str(int(time.time() - time.monotonic()) // 60), ""
    return f"{socket.gethostname()} {boot} {space}"


# Inode of the PID namespace in which the machine was started (include/linux/proc_ns.h).
_FIRST_NAMESPACE = "pid:[4026531836]"


def is_in_container() -> bool:
    """Return whether this process is in another PID namespace than the machine's first; False if unknown."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()) != _FIRST_NAMESPACE
    except OSError:
        return False


def same_machine_before_a_restart(place: str) -> bool:
    """Return whether a place is this host before its last boot: no process of it still lives."""
    host, _, rest = place.partition(" ")
    our_host, _, our_rest = here().partition(" ")
    return host == our_host and rest.partition(" ")[0] != our_rest.partition(" ")[0]
