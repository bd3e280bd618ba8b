"""What ``--metrics`` costs: CPU and memory of its process, and the size of an answer.

A recorder writes a training with twelve workers and a GPU each second; each exporter runs beside it as ``holter run``
starts it, and is asked every 15 seconds, as Prometheus does.

``python -m benchmarks.views.metrics [--quick] [--json FILE]``
"""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from benchmarks.reporting import Row
from benchmarks.views import live, scene
from holter.reports.catalogue import phrase
from holter.views.metrics.exporters import Exporters
from holter.views.metrics.names import MOST_SERIES

CPU_PERCENT, MEMORY_MB, FIRST_ANSWER_S = 1.0, 60.0, 2.0
SCRAPE_EVERY_S = 15.0
# Starting Python and reading what is there are counted apart.
SETTLE_S = 5.0


class Cost(NamedTuple):
    """Cost of one exporter."""

    way: str
    what: str
    first_answer_s: float
    start_cpu_s: float
    cpu_percent: float
    memory_mb: float
    answer_bytes: int
    series: int

    def row(self) -> Row:
        """Return the row of the table."""
        return {
            "way": self.way, "what": self.what, "first answer, s": round(self.first_answer_s, 2),
            "CPU to start, s": round(self.start_cpu_s, 2), "CPU, % of a core": round(self.cpu_percent, 2),
            "memory, MB": round(self.memory_mb, 1), "answer, bytes": self.answer_bytes, "series": self.series,
        }  # fmt: skip


class Exporter:
    """One exporter of one tape; ``way``: "port" or "textfile"."""

    def __init__(self, tape: Path, way: str) -> None:
        self._said: list[str] = []
        self._folder = Path(tempfile.mkdtemp(dir=tape.parent))
        self._way = way
        option = "0" if way == "port" else f"textfile:{self._folder}"
        self._exporters = Exporters([option], lambda text: self._said.append(phrase(text, "en")))
        self.began_s = time.monotonic()
        self._exporters.start(tape)
        self.pid = self._exporters.pids[0]

    def answer(self) -> bytes:
        """Return the metrics; empty while there are none."""
        if self._way == "textfile":
            return b"".join(file.read_bytes() for file in self._folder.glob("*.prom"))
        url = next(word for word in self._said[0].split() if word.startswith("http"))
        with urllib.request.urlopen(url, timeout=30.0) as reply:
            return bytes(reply.read())

    def cpu_s(self) -> float:
        """Return the CPU time of the process."""
        return live.cpu_s(self.pid)[0]

    def memory_mb(self) -> float:
        """Return the resident memory of the process."""
        return live.memory_mb(self.pid)

    def close(self) -> None:
        """End it."""
        self._exporters.close()


def measure(tape: Path, way: str, what: str, for_s: float) -> Cost:
    """Start an exporter, and ask it for a while."""
    exporter = Exporter(tape, way)
    try:
        while not (answer := exporter.answer()):
            time.sleep(0.05)
        first_s = time.monotonic() - exporter.began_s
        time.sleep(SETTLE_S)
        start_cpu_s, began_s = exporter.cpu_s(), time.monotonic()
        while time.monotonic() < began_s + for_s:
            time.sleep(SCRAPE_EVERY_S)
            answer = exporter.answer()
        percent = 100 * (exporter.cpu_s() - start_cpu_s) / (time.monotonic() - began_s)
        series = sum(not line.startswith(b"#") for line in answer.splitlines())
        return Cost(way, what, first_s, start_cpu_s, percent, exporter.memory_mb(), len(answer), series)
    finally:
        exporter.close()


def main() -> int:
    """Measure, print, and return 1 if a goal was missed."""
    options = live.options(__doc__, quick="for half a minute, without the long tape")
    for_s = 2 * SCRAPE_EVERY_S if options.quick else 20 * SCRAPE_EVERY_S
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        growing = Path(folder) / "live.holter"
        with live.recorder(growing):
            costs += [measure(growing, way, "live", for_s) for way in ("port", "textfile")]
        if not options.quick:
            long = Path(folder) / "long.holter"
            scene.write(long, live.LONG_H * 3600, close=False)
            costs.append(measure(long, "port", f"{live.LONG_H} h on the tape", 2 * SCRAPE_EVERY_S))
    worst = {
        "CPU, % of a core": (CPU_PERCENT, max(cost.cpu_percent for cost in costs)),
        "memory, MB": (MEMORY_MB, max(cost.memory_mb for cost in costs)),
        "first answer, s": (FIRST_ANSWER_S, max(cost.first_answer_s for cost in costs)),
        "series": (float(MOST_SERIES), float(max(cost.series for cost in costs))),
    }
    return live.finish("metrics", costs, worst, options.json)


if __name__ == "__main__":
    sys.exit(main())
