"""Serves one file of 1 MiB; its reads hang while the file named by the second argument exists."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path

import mfusepy

SIZE_BYTES = 1 << 20


class Slow(mfusepy.Operations):
    use_ns = True

    def __init__(self, brake: Path) -> None:
        self._brake = brake

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": SIZE_BYTES}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", "case.b2nd"]

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        while self._brake.exists():
            time.sleep(0.02)
        return bytes(size)


mfusepy.FUSE(Slow(Path(sys.argv[2])), sys.argv[1], foreground=True)
