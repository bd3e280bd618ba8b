"""The wall clock jumps by an hour and back, for the training and for Holter; the machine's own clock is unchanged."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault gets the same arguments
import os
import shutil
import struct
import subprocess
from pathlib import Path

from benchmarks.faults.outside import Outside
from benchmarks.survival.fault import Fault, Stage

SOURCE = Path(__file__).with_suffix(".c")
JUMP_S = 3600
# An epoch begins and ends within it, so that nnU-Net's log has an epoch of an hour and one of minus an hour.
JUMPED_S = 12.0


def compiler() -> str | None:
    """Return the compiler that can build the clock; None if there is none."""
    return shutil.which("cc") or shutil.which("gcc")


class WallClock:
    """The clock of all programs that are started with ``variables``."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-ahead-s"
        self._file.write_bytes(bytes(8))
        library = folder / "clock_jump.so"
        build = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(build, check=True, capture_output=True)
        self.variables = {"LD_PRELOAD": str(library), "CLOCK_AHEAD_FILE": str(self._file)}

    def set_ahead(self, seconds: int) -> None:
        """Set the clock this many seconds ahead from now on."""
        descriptor = os.open(self._file, os.O_WRONLY)  # written in place: the programs have it mapped
        try:
            os.pwrite(descriptor, struct.pack("=q", seconds), 0)
        finally:
            os.close(descriptor)


class ClockJump(Fault):
    """As when the clock is set by hand, or a virtual machine is moved. Monotonic clocks never jump."""

    name = "clock-jump"
    summary = f"the wall clock is an hour ahead for {JUMPED_S:.0f} s, then jumps back"
    is_temporary = True

    def needs(self) -> str | None:
        """Require a compiler: the clock is a small library of the campaign."""
        return None if compiler() else "no C compiler to build a clock that jumps (Debian: apt install gcc libc6-dev)"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Build the clock."""
        self._clock = WallClock(stage.folder)
        return self._clock.variables

    def inject(self, outside: Outside) -> None:
        """Set it ahead by an hour."""
        self.strike()
        self._clock.set_ahead(JUMP_S)

    def step(self, outside: Outside, since_s: float) -> None:
        """Set it back."""
        if since_s >= JUMPED_S and self.over_at is None:
            self._clock.set_ahead(0)
            self.repaired()
