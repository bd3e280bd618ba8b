"""C libraries that replace functions of the C library, compiled for each run (``LD_PRELOAD``)."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

JUMP_S = 3600


def compiler() -> str | None:
    """Return the C compiler; None if there is none."""
    return shutil.which("cc") or shutil.which("gcc")


def needs_compiler() -> str | None:
    """Return why no library can be built here; None if one can."""
    return None if compiler() else "no C compiler to build a small library of ours (Debian: apt install gcc libc6-dev)"


def build(name: str, folder: Path) -> Path:
    """Compile the file of that name beside this one; return the library in ``folder``."""
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    command = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


class WallClock:
    """The wall clock of all programs that are started with ``variables``; the machine's own clock is unchanged."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-ahead-s"
        self._file.write_bytes(bytes(8))
        self.variables = {"LD_PRELOAD": str(build("wall_clock", folder)), "CLOCK_AHEAD_FILE": str(self._file)}

    def set_ahead(self, seconds: int) -> None:
        """Set the clock this many seconds ahead from now on; behind if negative."""
        descriptor = os.open(self._file, os.O_WRONLY)  # written in place: the programs have it mapped
        try:
            os.pwrite(descriptor, struct.pack("=q", seconds), 0)
        finally:
            os.close(descriptor)
