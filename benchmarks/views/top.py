"""What ``holter top`` costs: the first screen, CPU, memory, and bytes to the terminal, through a real pseudo-terminal.

A recorder writes a training with twelve workers each second; the view runs beside it as a user starts it, in the sizes
of a small and a large terminal. ``python -m benchmarks.views.top [--quick] [--json FILE]``.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.reporting import Row
from benchmarks.views import live, scene

# Goals of the view: see docs/top.md.
FIRST_SCREEN_S, CPU_PERCENT, MEMORY_MB, BYTES_PER_S = 1.0, 3.0, 60.0, 10_000.0
SETTLE_S = 3.0
ENDS_WITHIN_S = 20.0  # a recording of the view's own ends with it, also on a busy machine
SIZES = ((80, 24), (120, 40), (200, 50))
# Text that is on the screen once the tape was read.
SIGN = b"Hippocampus"


class Cost(NamedTuple):
    """Cost of one view that is open."""

    columns: int
    lines: int
    what: str
    first_screen_s: float
    cpu_percent: float
    memory_mb: float
    bytes_per_s: float

    def row(self) -> Row:
        """Return the row of the table."""
        return {
            "terminal": f"{self.columns}x{self.lines}", "what": self.what,
            "first screen, s": round(self.first_screen_s, 2), "CPU, % of a core": round(self.cpu_percent, 1),
            "memory, MB": round(self.memory_mb, 1), "bytes/s": round(self.bytes_per_s),
        }  # fmt: skip


def _readable(fd: int, within_s: float) -> bool:
    poll = select.poll()  # select() takes no descriptor above 1023
    poll.register(fd, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(within_s * 1000))


STARTED: list[Terminal] = []  # every one of this process


class Terminal:
    """A pseudo-terminal with a program in it."""

    def __init__(self, words: list[str], columns: int, lines: int) -> None:
        self.began_s = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLUMNS="", LINES="", LANG="C.UTF-8", TZ="UTC")
            for name in ("COLUMNS", "LINES", "NO_COLOR"):
                os.environ.pop(name, None)
            time.sleep(0.01)  # until the size is set
            os.execvp(words[0], words)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.set_inheritable(self._fd, False)  # a later program would hold this terminal open
        self.output = b""
        STARTED.append(self)

    def read(self, for_s: float, until: bytes | None = None) -> bool:
        """Collect output for a time, or until it holds some bytes; return whether it does."""
        end_s = time.monotonic() + for_s
        while (left_s := end_s - time.monotonic()) > 0:
            if until is not None and until in self.output:
                return True
            ready = _readable(self._fd, min(left_s, 0.2))
            if ready:
                try:
                    got = os.read(self._fd, 1 << 16)
                except OSError:
                    return False
                self.output += got
        return until is not None and until in self.output

    def type(self, keys: str) -> None:
        """Type keys."""
        os.write(self._fd, keys.encode())

    def cpu_s(self) -> float:
        """Return the CPU time of the program and its children that ended."""
        return sum(live.cpu_s(self.pid))

    def memory_mb(self) -> float:
        """Return the resident memory of the program."""
        return live.memory_mb(self.pid)

    def close(self) -> int:
        """End the program; return its exit code."""
        self.type("q")
        until_s = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < until_s:
            self.read(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.hang_up()
                return os.waitstatus_to_exitcode(status)
        self.end()
        return -1

    def hang_up(self) -> None:
        """Close the terminal, as when a connection is lost."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def end(self) -> None:
        """Kill the program if it still runs, and close the terminal."""
        with suppress(ChildProcessError):  # its end was seen already
            if os.waitpid(self.pid, os.WNOHANG)[0] == 0:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        self.hang_up()


def measure(tape: Path, columns: int, lines: int, for_s: float, what: str) -> Cost:
    """Open the view and watch it for a while."""
    terminal = Terminal([sys.executable, "-m", "holter", "top", str(tape)], columns, lines)
    try:
        if not terminal.read(live.GIVE_UP_S, SIGN):
            raise RuntimeError(f"no screen after {live.GIVE_UP_S} s: {terminal.output[-300:]!r}")
        first_s = time.monotonic() - terminal.began_s
        terminal.read(SETTLE_S)
        cpu_s, size, began_s = terminal.cpu_s(), len(terminal.output), time.monotonic()
        terminal.read(for_s)
        lasted_s = time.monotonic() - began_s
        cpu = 100 * (terminal.cpu_s() - cpu_s) / lasted_s
        sent = (len(terminal.output) - size) / lasted_s
        return Cost(columns, lines, what, first_s, cpu, terminal.memory_mb(), sent)
    finally:
        terminal.close()


def main() -> int:
    """Measure, print, and return 1 if a goal was missed."""
    options = live.options(__doc__, quick="one size, for ten seconds")
    for_s = 10.0 if options.quick else 60.0
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        growing, over = Path(folder) / "live.holter", Path(folder) / "over.holter"
        with live.recorder(growing):
            costs += [measure(growing, *size, for_s, "live") for size in (SIZES[:1] if options.quick else SIZES)]
        scene.write(over, live.BEFORE_S)
        costs.append(measure(over, *SIZES[0], for_s, "over, nothing changes"))
        long = Path(folder) / "long.holter"
        scene.write(long, live.LONG_H * 3600, close=False, thin=True)
        costs.append(measure(long, *SIZES[0], for_s, f"{live.LONG_H} h on the tape"))
    worst = {
        "first screen, s": (FIRST_SCREEN_S, max(cost.first_screen_s for cost in costs)),
        "CPU, % of a core": (CPU_PERCENT, max(cost.cpu_percent for cost in costs)),
        "memory, MB": (MEMORY_MB, max(cost.memory_mb for cost in costs)),
        "bytes/s": (BYTES_PER_S, max(cost.bytes_per_s for cost in costs)),
    }
    return live.finish("top", costs, worst, options.json)


if __name__ == "__main__":
    sys.exit(main())
