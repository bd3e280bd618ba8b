"""What the benchmarks of the views share: tapes that grow, tapes of three days, and what a process costs."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from benchmarks.reporting import Goal, Row, conclude

# So much is on the tape when a view is opened; of a long tape three days.
BEFORE_S = 400
LONG_H = 72
# A busy machine misses a goal; it does not end the measurement.
GIVE_UP_S = 180.0


class Cost(Protocol):
    """A measurement: a named tuple with a row for the table."""

    def row(self) -> Row:
        """Return the row of the table."""

    def _asdict(self) -> dict[str, Any]: ...


def options(description: str | None, quick: str) -> argparse.Namespace:
    """Return the options of the command line: ``quick`` and ``json``, a file or None."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


@contextmanager
def recorder(tape: Path, before_s: int = BEFORE_S) -> Iterator[None]:
    """Write a tape live, in a process of its own; ``before_s``: so much is on it at once."""
    words = [sys.executable, "-m", "benchmarks.views.scene", str(tape), str(before_s)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield
        finally:
            child.kill()


def cpu_s(pid: int) -> tuple[float, float]:
    """Return the CPU time of a process, and of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    return own / os.sysconf("SC_CLK_TCK"), children / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def finish(view: str, costs: Sequence[Cost], worst: Mapping[str, tuple[float, float]], file: Path | None) -> int:
    """Print everything; return 1 if the worst value of a view is above its goal.

    ``worst``: goal and measured value, by name.
    """
    goals = [Goal(name, goal, round(value, 2), value <= goal) for name, (goal, value) in worst.items()]
    code = conclude([cost.row() for cost in costs], goals, file)
    print(json.dumps({"benchmark": f"views.{view}", "results": [cost._asdict() for cost in costs], "code": code}))
    return code
