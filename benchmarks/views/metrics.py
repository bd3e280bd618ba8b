"""What ``--metrics`` costs: CPU and memory of its process, and the size of an answer.

A recorder writes a training with twelve workers and a GPU each second; each exporter runs beside it as ``holter run``
starts it, and is asked every 15 seconds, as Prometheus does.

``python -m benchmarks.views.metrics [--quick] [--json FILE]``
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from benchmarks.reporting import Goal, Row, conclude
from benchmarks.tape_growth import Player
from holter.records import Beat, EpochEnded, ProcessSample, Sample, Tick
from holter.reports.catalogue import phrase
from holter.tape import TapeWriter, read
from holter.views.metrics.exporters import Exporters
from holter.views.metrics.names import MOST_SERIES

S = TypeVar("S", ProcessSample, Beat)
# A real training with two workers, of which twelve are made.
RECORDED = Path(__file__).parents[2] / "tests" / "tapes" / "quiet" / "as_usual.holter"
WORKERS = 12
FIRST_PID = 1_000_000
CPU_PERCENT, MEMORY_MB, FIRST_ANSWER_S = 1.0, 60.0, 2.0
SCRAPE_EVERY_S = 15.0
# So much is on the tape when the exporter starts; a run of three days is what ``holter attach`` may meet.
BEFORE_S = 400
LONG_H = 72
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
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Return the resident memory of the process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

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


@contextmanager
def recorder(tape: Path) -> Iterator[None]:
    """Write a tape live, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.views.metrics", "--record", str(tape)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield
        finally:
            child.kill()


def record(tape: Path) -> None:
    """Write a tape: what was before at once, then a second each second, until the process is ended."""
    began_s = time.monotonic() - BEFORE_S
    writer = begin(tape)
    for t_s, samples in player().play(math.inf):
        if t_s > BEFORE_S:
            writer.commit()
            print("writing", flush=True)
            time.sleep(max(0.0, began_s + t_s - time.monotonic()))
        second(writer, t_s, samples)


def write_long(tape: Path, hours: int) -> None:
    """Write a tape of so many hours at once, as a killed recorder leaves it."""
    writer = begin(tape)
    for t_s, samples in player().play(hours * 3600.0):
        second(writer, t_s, samples)
    writer.commit()


def begin(tape: Path) -> TapeWriter:
    """Open a tape of a run that began ``BEFORE_S`` ago."""
    recording = read(RECORDED)
    wall = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=BEFORE_S)
    assert recording.environment is not None
    writer = TapeWriter(tape)
    writer.write_environment(msgspec.structs.replace(recording.environment, wall_start=wall.isoformat()))
    return writer


def second(writer: TapeWriter, t_s: float, samples: list[Sample]) -> None:
    """Write one second, and an epoch each minute."""
    writer.write_samples(t_s, samples)
    if t_s % 60.0 < 1.0:
        writer.write_events(
            [EpochEnded(t_s=t_s, epoch=int(t_s // 60), duration_s=60.0, train_loss=-0.5, val_loss=-0.4)]
        )
    writer.pulse(t_s)


def player() -> Player:
    """Return the player of a recorded training whose workers were made twelve, and a GPU."""
    ticks = list(read(RECORDED).ticks(20.0, 40.0))
    return Player([_with_workers(tick) for tick in ticks])


def _with_workers(tick: Tick) -> Tick:
    return msgspec.structs.replace(tick, processes=_twelve(tick.processes), beats=_twelve(tick.beats))


def _twelve(samples: Sequence[S]) -> tuple[S, ...]:
    # The recorded workers and copies of them, under other PIDs.
    workers = [worker for worker in samples if worker.role == "train-worker"]
    grown: list[S] = list(samples)
    for number in range(1, WORKERS // 2):
        for index, one in enumerate(workers):
            moved = {"pid": one.pid + number * FIRST_PID, "worker_index": 2 * number + index}
            grown.append(msgspec.structs.replace(one, **moved))
    return tuple(grown)


def main() -> int:
    """Measure, print, and return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="for half a minute, without the long tape")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--record", type=Path, metavar="TAPE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record is not None:
        record(options.record)
    for_s = 2 * SCRAPE_EVERY_S if options.quick else 20 * SCRAPE_EVERY_S
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        live = Path(folder) / "live.holter"
        with recorder(live):
            costs += [measure(live, way, "live", for_s) for way in ("port", "textfile")]
        if not options.quick:
            long = Path(folder) / "long.holter"
            write_long(long, LONG_H)
            costs.append(measure(long, "port", f"{LONG_H} h on the tape", 2 * SCRAPE_EVERY_S))
    code = conclude([cost.row() for cost in costs], goals_of(costs), options.json)
    print(json.dumps({"benchmark": "views.metrics", "results": [cost._asdict() for cost in costs], "code": code}))
    return code


def goals_of(costs: list[Cost]) -> list[Goal]:
    """Return the goals, each for the worst exporter."""
    worst = {
        "CPU, % of a core": (CPU_PERCENT, max(cost.cpu_percent for cost in costs)),
        "memory, MB": (MEMORY_MB, max(cost.memory_mb for cost in costs)),
        "first answer, s": (FIRST_ANSWER_S, max(cost.first_answer_s for cost in costs)),
        "series": (float(MOST_SERIES), float(max(cost.series for cost in costs))),
    }
    return [Goal(name, goal, round(value, 2), value <= goal) for name, (goal, value) in worst.items()]


if __name__ == "__main__":
    sys.exit(main())
