"""Where a process runs, as far as it matters for a PID: the host, its boot and the PID namespace."""

from __future__ import annotations

import socket
import time
from pathlib import Path


def here() -> str:
    """Name, boot and PID namespace: where these are the same, a PID says whether its process lives."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, space = str(int(time.time() - time.monotonic()) // 60), ""
    return f"{socket.gethostname()} {boot} {space}"


def same_machine_before_a_restart(place: str) -> bool:
    """Whether a place is this host before it was started anew: nothing that ran there lives."""
    host, _, rest = place.partition(" ")
    our_host, _, our_rest = here().partition(" ")
    return host == our_host and rest.partition(" ")[0] != our_rest.partition(" ")[0]
