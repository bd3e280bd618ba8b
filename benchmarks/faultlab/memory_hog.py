"""Takes the memory of its control group until only little is left for cached files, and keeps it so; nothing is killed.

``python -m benchmarks.faultlab.memory_hog GROUP LEFT_BYTES``: GROUP is the folder of the group, v1. What other
processes of the group need comes first: memory is given back as soon as they ask for more.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

BLOCK = 8 << 20
LOOK_EVERY_S = 0.05


def others_and_ours(group: Path) -> int:
    """Bytes of the group that cannot be dropped: there is no swap."""
    values = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(values["total_rss"]) + int(values["total_shmem"])


def main(arguments: list[str]) -> int:
    """Until it is ended."""
    group, left = Path(arguments[0]), int(arguments[1])
    most = int((group / "memory.limit_in_bytes").read_text()) - left
    held: list[bytearray] = []
    while True:
        free = most - others_and_ours(group)
        if free > BLOCK:
            held.append(bytearray(b"x") * BLOCK)  # written to, so that it is there
            continue
        while free < 0 and held:
            held.pop()
            free += BLOCK
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
