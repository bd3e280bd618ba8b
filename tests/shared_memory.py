"""What one process has in /dev/shm, where others have files too."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

FOLDER = Path("/dev/shm")


def shared_memory() -> set[str]:
    """Files that this process has open or mapped, and those that bear its number, as torch's and joblib's do."""
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if f"{FOLDER}/" in line}
    opened = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            opened.add(str(descriptor.readlink()))
    named = {str(file) for file in FOLDER.iterdir() if re.search(rf"[_-]{os.getpid()}[_-]", file.name)}
    return mapped | named | {name for name in opened if name.startswith(f"{FOLDER}/")}
