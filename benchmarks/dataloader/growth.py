"""Run the soak, and judge whether what its process holds grows with the number of replacements."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

from benchmarks.dataloader.play import Broken, Hang, lines_of
from benchmarks.material import say
from benchmarks.reporting import Goal, Row

COUNT, QUICK = 1000, 60
SAY_EVERY = 50
WARM_RATIO = 0.2  # of the soak: imports and caches of the first rounds are no leak
PER = 1000  # replacements
MOST_ROUNDS = 10  # a round without a fault that counts would never end the soak

# How much each may grow in 1,000 replacements. One batch kept at each of them would be 36 MB, of the big ones 280 MB;
# one descriptor, thread or child 1,000.
LIMITS = {
    "memory_mb": ("memory, MB", 5.0),
    "shm_mb": ("/dev/shm, MB", 1.0),
    "descriptors": ("descriptors", 1.0),
    "threads": ("threads", 1.0),
    "children": ("child processes", 1.0),
    "maps": ("memory mappings", 20.0),
}

Sample = dict[str, Any]


class Soak(NamedTuple):
    """What a soak showed."""

    wanted: int
    samples: tuple[Sample, ...]  # after each round
    problem: str | None  # why it ended before

    @property
    def heals(self) -> int:
        """Number of replacements."""
        return int(self.samples[-1]["heals"]) if self.samples else 0


def run(wanted: int, executable: str = sys.executable) -> Soak:
    """Train until workers were replaced so often. ``executable``: the Python that trains."""
    samples: list[Sample] = []
    problem: str | None = None
    # A line a round, of several replacements.
    lines = lines_of("soak", wanted, 2 * wanted, count=wanted, executable=executable)
    try:
        for line in lines:
            samples.append(json.loads(line))
            heals, before = samples[-1]["heals"], samples[-2]["heals"] if len(samples) > 1 else 0
            if heals // SAY_EVERY > before // SAY_EVERY or heals >= wanted:
                say(
                    f"{heals} of {wanted} replacements, {samples[-1]['memory_mb']:.0f} MB, "
                    f"{samples[-1]['descriptors']} descriptors, {samples[-1]['shm_mb']:.1f} MB in /dev/shm"
                )
            if heals >= wanted:
                break
    except Hang:
        problem = "it hung"
    except Broken as error:
        problem = str(error)
    finally:
        lines.close()
    return Soak(wanted, tuple(samples), problem)


def growth(samples: Sequence[Sample], name: str) -> float | None:
    """Return by how much a quantity grows in 1,000 replacements; None if there are too few samples.

    It is the median of the slopes of all pairs of samples (Theil and Sen): a single round does not move it, and a
    quantity that is the same in most rounds gives 0.
    """
    warm = [sample for sample in samples if sample["heals"] >= WARM_RATIO * samples[-1]["heals"]]
    slopes = [
        (later[name] - earlier[name]) / (later["heals"] - earlier["heals"]) for earlier, later in combinations(warm, 2)
    ]
    return statistics.median(slopes) * PER if len(warm) >= MOST_ROUNDS // 2 else None


def rows(soak: Soak) -> list[Row]:
    """Return one row a quantity."""
    if not soak.samples:
        return []
    return [
        {
            "held": words,
            "at first": soak.samples[0][name],
            "at the end": soak.samples[-1][name],
            "most": max(sample[name] for sample in soak.samples),
            f"growth in {PER}": growth(soak.samples, name),
        }
        for name, (words, _) in LIMITS.items()
    ]


def goals(soak: Soak) -> list[Goal]:
    """Return the goals with what was measured."""
    wrong = float(sum(sample["wrong"] for sample in soak.samples))
    missing = float(max(0, soak.wanted - soak.heals))
    found = [
        Goal("replacements of the soak that are missing", 0, missing, missing == 0),
        Goal("wrong batches of the soak", 0, wrong, wrong == 0 and bool(soak.samples)),
    ]
    for name, (words, limit) in LIMITS.items():
        grown = growth(soak.samples, name) if soak.samples else None
        title = f"{words}: growth in {PER} replacements"
        found.append(Goal(title, limit, grown, None if grown is None else grown <= limit))
    return found
