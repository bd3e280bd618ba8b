"""Whether ``holter web`` grows: memory and descriptors of the server and the pages, and errors, with three open pages.

A recorder writes a training with twelve workers each second, an hour of it is on the tape before. Three pages of a real
Chromium stay open, and every one must be live at the end without having been loaded again.
``python -m benchmarks.views.soak [MINUTES] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.reporting import Row
from benchmarks.views import live
from benchmarks.views.browser import Browser, Tab, chromium
from benchmarks.views.web import READY, VIEWERS, Server

# Goals: what a leak of one reading, connection or page would pass within ten minutes.
MEMORY_MB, GROWTH_MB, PAGE_GROWTH_MB = 70.0, 8.0, 20.0
BEFORE_S = 3600
READINGS = 20
# Until then caches fill.
WARM_RATIO = 0.2
STATE = "document.getElementById('live-state').textContent"


class Reading(NamedTuple):
    """What server and pages hold at one time."""

    minutes: float
    server_mb: float
    descriptors: int
    threads: int
    page_mb: float  # the largest page's JavaScript heap after a collection
    errors: int  # so far, of all pages: console, policy, exceptions
    live_pages: int  # pages that show the newest reading

    def row(self) -> Row:
        """Return the row of the table."""
        return {
            "minutes": round(self.minutes, 1), "server, MB": round(self.server_mb, 1), "descriptors": self.descriptors,
            "threads": self.threads, "page, MB": round(self.page_mb, 1), "errors": self.errors,
            "live pages": self.live_pages,
        }  # fmt: skip


def soak(browser: Browser, server: Server, for_s: float) -> tuple[list[Reading], list[str]]:
    """Open the pages and read them from time to time; return the readings, and what the pages complained about."""
    tabs: list[Tab] = []
    for _ in range(VIEWERS):
        tabs.append(browser.tab())
        tabs[-1].open(server.url)
        tabs[-1].until(READY, live.GIVE_UP_S)
        tabs[-1].js("window.mark = 1")
    began_s = time.monotonic()
    readings = []
    try:
        for number in range(READINGS + 1):
            while (left_s := began_s + number * for_s / READINGS - time.monotonic()) > 0:
                for tab in tabs:  # keeps the events of all of them flowing
                    tab.wait(min(left_s, 1.0) / VIEWERS)
            readings.append(_read(server, tabs, (time.monotonic() - began_s) / 60))
            print("  ".join(f"{name} {value}" for name, value in readings[-1].row().items()), flush=True)
        return readings, [problem for tab in tabs for problem in tab.problems]
    finally:
        for tab in tabs:
            tab.close()


def _read(server: Server, tabs: list[Tab], minutes: float) -> Reading:
    for tab in tabs:
        tab.ask("HeapProfiler.collectGarbage")
    return Reading(
        minutes=minutes,
        server_mb=server.memory_mb(),
        descriptors=server.descriptors(),
        threads=server.threads(),
        page_mb=max(float(tab.js("performance.memory.usedJSHeapSize")) / 1e6 for tab in tabs),
        errors=sum(len(tab.problems) for tab in tabs),
        live_pages=sum(tab.js(STATE) == "Live" and tab.js("window.mark") == 1 for tab in tabs),
    )


def main() -> int:
    """Measure, print, and return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=10.0, metavar="MINUTES", help="default: 10")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        tape = Path(folder) / "live.holter"
        with live.recorder(tape, BEFORE_S):
            server = Server(tape)
            try:
                readings, problems = soak(browser, server, 60 * options.minutes)
            finally:
                server.end()
    warm, last = readings[max(1, round(WARM_RATIO * READINGS))], readings[-1]
    for problem in problems[:5]:
        print(problem)
    worst = {
        "memory of the server, MB": (MEMORY_MB, max(reading.server_mb for reading in readings)),
        "growth of the server, MB": (GROWTH_MB, last.server_mb - warm.server_mb),
        "growth of a page, MB": (PAGE_GROWTH_MB, last.page_mb - warm.page_mb),
        "growth of descriptors": (0.0, float(last.descriptors - warm.descriptors)),
        "growth of threads": (0.0, float(last.threads - warm.threads)),
        "errors": (0.0, float(last.errors)),
        "pages that are not live": (0.0, float(VIEWERS - last.live_pages)),
    }
    return live.finish("soak", readings, worst, options.json)


if __name__ == "__main__":
    sys.exit(main())
