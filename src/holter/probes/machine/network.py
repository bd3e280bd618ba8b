"""Bytes that the machine received and sent, from the kernel's list of devices."""

from __future__ import annotations

from typing import NamedTuple

# The same bytes pass these again on their way to or from a device of the list: a container's, a bridge, a bundle.
REPEATS = ("lo", "veth", "docker", "br-", "virbr", "cni", "cali", "flannel", "vnet", "tap", "bond", "team", "vlan")
# Place of the sent bytes among the numbers of a line: eight of what was received come first.
SENT = 8


class Traffic(NamedTuple):
    """Bytes since the devices were set up; None if unknown."""

    received: int | None = None
    sent: int | None = None


def parse_traffic(text: str | None) -> Traffic:
    """Parse ``/proc/net/dev``: ``  eth0: 2104 12 0 0 0 0 0 0 1320 11 0 0 0 0 0 0``, bytes received and sent."""
    received, sent, seen = 0, 0, False
    for line in (text or "").splitlines():
        name, colon, numbers = line.partition(":")
        words = numbers.split()
        if not colon or name.strip().startswith(REPEATS) or len(words) <= SENT:
            continue
        received, sent, seen = received + int(words[0]), sent + int(words[SENT]), True
    return Traffic(received, sent) if seen else Traffic()
