"""What ``holter web`` costs: first paint, bytes, CPU and memory with three open pages, the end by Ctrl-C.

A recorder writes a training with twelve workers each second. A real Chromium opens the page on a connection of
10 Mbit/s with 50 ms to the server and back, as through a tunnel; three pages stay open.
``python -m benchmarks.views.web [--quick] [--json FILE]``.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.reporting import Row
from benchmarks.views import live, scene
from benchmarks.views.browser import Browser, Tab, chromium

# Goals of the page: see docs/web.md.
FIRST_PAINT_S, BYTES, CPU_PERCENT, MEMORY_MB, END_S = 1.0, 200_000.0, 1.0, 60.0, 1.5
VIEWERS = 3
ROUND_TRIP_MS, BYTES_PER_S = 50, 1_250_000
READY = "window.report && document.querySelectorAll('.uplot canvas').length > 3"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


class Cost(NamedTuple):
    """Cost of one tape."""

    what: str
    first_paint_s: (
        float  # after the address was opened: of the report, or of a long tape the word that it is being read
    )
    charts_s: float  # until the charts are drawn
    page_bytes: float
    server_percent: float  # of a core, with three pages
    renderer_percent: float  # of the children that render pages
    memory_mb: float
    bytes_per_s: float  # to each page
    end_s: float

    def row(self) -> Row:
        """Return the row of the table."""
        return {
            "tape": self.what, "first paint, s": round(self.first_paint_s, 2), "charts, s": round(self.charts_s, 2),
            "page, kB": round(self.page_bytes / 1000, 1), "server, % of a core": round(self.server_percent, 2),
            "children, %": round(self.renderer_percent, 2), "memory, MB": round(self.memory_mb, 1),
            "bytes/s a page": round(self.bytes_per_s), "Ctrl-C, s": round(self.end_s, 2),
        }  # fmt: skip


class Server:
    """A running ``holter web``."""

    def __init__(self, tape: Path) -> None:
        words = [sys.executable, "-m", "holter", "web", str(tape), "--lang", "en", "--port", "0"]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        found = re.search(r"http://\S+", self._process.stdout.readline())
        assert found is not None
        self.url = found[0]

    def cpu_s(self) -> tuple[float, float]:
        """Return the CPU time of the server, and of its children that ended."""
        return live.cpu_s(self._process.pid)

    def memory_mb(self) -> float:
        """Return the resident memory of the server."""
        return live.memory_mb(self._process.pid)

    def descriptors(self) -> int:
        """Return how many files, sockets and pipes the server has open."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def threads(self) -> int:
        """Return how many threads the server has."""
        return len(list(Path(f"/proc/{self._process.pid}/task").iterdir()))

    def end(self) -> float:
        """Press Ctrl-C; return how long the end takes."""
        began_s = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)
        return time.monotonic() - began_s


def measure(browser: Browser, tape: Path, for_s: float, what: str) -> Cost:
    """Open the pages and watch them for a while."""
    server = Server(tape)
    tabs = [browser.tab()]
    try:
        first = tabs[0]
        paint_s, charts_s, size = _open(first, server.url)
        for _ in range(1, VIEWERS):  # a tab behind another one paints nothing
            other = browser.tab()
            tabs.append(other)
            other.open(server.url)
            other.until(READY, live.GIVE_UP_S)
        first.wait(5.0)
        received, cpu_s, began_s = first.received, server.cpu_s(), time.monotonic()
        first.wait(for_s)
        lasted_s = time.monotonic() - began_s
        own, children = (100 * (now - before) / lasted_s for now, before in zip(server.cpu_s(), cpu_s, strict=True))
        sent = (first.received - received) / lasted_s
        memory_mb = server.memory_mb()
    finally:
        ended_s = server.end()
        for tab in tabs:
            tab.close()
    return Cost(what, paint_s, charts_s, size, own, children, memory_mb, sent, ended_s)


def _open(tab: Tab, url: str) -> tuple[float, float, float]:
    tab.slow(ROUND_TRIP_MS, BYTES_PER_S)
    began_s, opened_s = time.monotonic(), time.time()
    tab.open(url)
    tab.until(PAINT, live.GIVE_UP_S)
    paint_s = float(tab.js(f"performance.timeOrigin + {PAINT}")) / 1000 - opened_s
    tab.until(READY, live.GIVE_UP_S)
    return paint_s, time.monotonic() - began_s, float(tab.received)


def main() -> int:
    """Measure, print, and return 1 if a goal was missed."""
    options = live.options(__doc__, quick="for 20 seconds")
    for_s = 20.0 if options.quick else 180.0
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        growing, over = Path(folder) / "live.holter", Path(folder) / "over.holter"
        with live.recorder(growing):
            costs.append(measure(browser, growing, for_s, "live"))
        scene.write(over, live.BEFORE_S)
        costs.append(measure(browser, over, min(for_s, 60.0), "over, nothing changes"))
        long = Path(folder) / "long.holter"
        scene.write(long, live.LONG_H * 3600, close=False, thin=True)
        costs.append(measure(browser, long, min(for_s, 60.0), f"{live.LONG_H} h on the tape"))
    worst = {
        "first paint, s": (FIRST_PAINT_S, max(cost.first_paint_s for cost in costs)),
        "bytes of the page": (BYTES, max(cost.page_bytes for cost in costs)),
        "CPU, % of a core": (CPU_PERCENT, max(cost.server_percent + cost.renderer_percent for cost in costs)),
        "memory, MB": (MEMORY_MB, max(cost.memory_mb for cost in costs)),
        "Ctrl-C, s": (END_S, max(cost.end_s for cost in costs)),
    }
    return live.finish("web", costs, worst, options.json)


if __name__ == "__main__":
    sys.exit(main())
