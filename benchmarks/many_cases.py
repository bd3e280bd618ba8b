"""The cost of reading from a large data set, 1,000 cases with 120 labels, against a small one, 10 cases with 2.

The cases are links to a few generated volumes, so only what belongs to each case differs: its files are opened, and its
foreground is looked up. Only the loader runs, without transforms, and no case is kept in memory. No GPU is needed.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from benchmarks.loader import PATCH, QUICK, at_most, row
from benchmarks.loader_scene import (
    CORES,
    OnlyRead,
    chain_of,
    geometry_of,
    pin,
    rate_of,
    stock_loader,
    write_cases,
)
from benchmarks.material import say
from benchmarks.reporting import Row, conclude, options_of
from holter.loader import Catalogue, Loader, Options, catalogue_like, sampling_like

GOAL = 1.2


class Size(NamedTuple):
    """A data set."""

    cases: int
    labels: int

    @property
    def name(self) -> str:
        """Return it in words."""
        return f"{self.cases} cases with {self.labels} labels"


SMALL, LARGE = Size(10, 2), Size(1000, 120)


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("many_cases", __doc__, quick="fewer rounds and samples: two minutes")
    options = parser.parse_args()
    rounds, samples = (3, 200) if options.quick else (7, 600)
    say(f"on cores {pin()}")
    costs: dict[Size, list[float]] = {size: [] for size in (SMALL, LARGE)}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="holter-many-") as scratch:
        parts = {}
        for size in costs:
            parts[size], more = prepared(Path(scratch), size)
            rows += more
        for _ in range(rounds):
            for size, arguments in parts.items():
                with Loader(*arguments, seed=1, options=Options(threads=CORES)) as batches:
                    costs[size].append(rate_of(batches, math.inf, 6, samples).cpu_ms_per_sample)
            say(", ".join(f"{size.name} {each[-1]:.2f} ms" for size, each in costs.items()))
    medians = {size: statistics.median(each) for size, each in costs.items()}
    rows += [row(f"{size.name}: loader's CPU", ms, "ms/sample", "without transforms") for size, ms in medians.items()]
    goal = at_most(f"{LARGE.name} (x the cost of {SMALL.name})", GOAL, medians[LARGE] / medians[SMALL])
    return conclude(rows, [goal], options.json)


def prepared(folder: Path, size: Size) -> tuple[tuple[Any, ...], list[Row]]:
    """Return what a loader of these cases needs, each of them looked at once, and what that first look cost."""
    say(f"{size.name}: writing {QUICK.cases} volumes, linking the others")
    volumes = folder / f"volumes-{size.labels}"
    write_cases(volumes, QUICK.cases, QUICK.shape, size.labels, PATCH)
    geometry = geometry_of(PATCH)
    cases = linked(volumes, folder / f"cases-{size.cases}", size.cases)
    like = stock_loader(cases, geometry, size.labels, has_transforms=False)
    chain = chain_of(geometry, size.labels)
    assert chain is not None
    memory, began_s = psutil.Process().memory_info().rss, time.process_time()
    catalogue = catalogue_like(like._data)
    look_at_all(catalogue)
    took_ms = (time.process_time() - began_s) / size.cases * 1000
    grown = (psutil.Process().memory_info().rss - memory) / 1e6
    rows = [
        row(f"{size.name}: first look at a case", took_ms, "ms", "its headers and its foreground"),
        row(f"{size.name}: memory of what is known of them", grown, "MB", "growth of RSS"),
    ]
    return (catalogue, sampling_like(like), OnlyRead(chain)), rows


def look_at_all(catalogue: Catalogue) -> None:
    """Read headers and foreground of every case, as the first samples of each do."""
    for case in catalogue.identifiers:
        catalogue.facts(case)
        catalogue.locations(case)


def linked(source: Path, folder: Path, number: int) -> nnUNetDatasetBlosc2:
    """Return a data set of so many cases, whose files are those of the cases in ``source`` under other names."""
    folder.mkdir()
    cases = sorted(file.stem for file in source.glob("*.pkl"))
    for new in range(number):
        for ending in (".b2nd", "_seg.b2nd", ".pkl"):
            os.link(source / f"{cases[new % len(cases)]}{ending}", folder / f"case_{new:04d}{ending}")
    return nnUNetDatasetBlosc2(str(folder))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
