"""Takes the memory of its control group until only little is left for cached files; no process is killed.

``python -m benchmarks.faults.tools.memory_hog GROUP LEFT_BYTES``: GROUP is the folder of the group, v1. Other processes
of the group have priority: memory is released as soon as they need more.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

BLOCK = 8 << 20
POLL_EVERY_S = 0.05


def others_and_ours(group: Path) -> int:
    """Return the bytes of the group that cannot be dropped: there is no swap."""
    values = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(values["total_rss"]) + int(values["total_shmem"])


def main(arguments: list[str]) -> int:
    """Hold the memory until killed."""
    group, left = Path(arguments[0]), int(arguments[1])
    most = int((group / "memory.limit_in_bytes").read_text()) - left
    held: list[bytearray] = []
    while True:
        free = most - others_and_ours(group)
        if free > BLOCK:
            held.append(bytearray(b"x") * BLOCK)  # written to, so that it is really allocated
            continue
        while free < 0 and held:
            held.pop()
            free += BLOCK
        time.sleep(POLL_EVERY_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
