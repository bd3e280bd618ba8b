"""Search in four stages: different settings, those near the best, the batches ahead, then the best against today's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from holter.bench.tuning.race import NEARLY, Measure, Race
from holter.bench.tuning.records import Bounds, Candidate, Interval, Progress, Trial
from holter.bench.tuning.space import between, first, other_batches
from holter.trainer.auto.race import LEAST_BLOCKS

# Of the time, until the end of each phase; the last one proves the gain.
SPREAD, BETWEEN, AHEAD = 0.5, 0.65, 0.75
# Without a proof, another number of readers of the same loader is still worth it from here on.
WORTH_UNPROVED = 1.02
# Blocks whose ratios scatter too much for an interval still show this.
BEYOND_SCATTER = 2.0
# Each halves the gap to the next number that was tried.
MOST_MIDDLES = 4

Tell = Callable[[Progress], None]


class Found(NamedTuple):
    chosen: Candidate
    gain: Interval | None  # over the present candidate; None: that one fails
    is_settled: bool
    trials: tuple[Trial, ...]
    race: Race


def search(
    bounds: Bounds,
    present: Candidate,
    measure: Measure,
    tell: Tell,
    *,
    holter: bool,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return the settings to train with, found in about ``seconds``.

    ``present``: today's settings. ``measure``: trains one block with a candidate. ``tell``: gets the progress.
    ``holter``: whether Holter's loader can be used.
    """
    began_s = clock()
    phase = ["spread"]

    def report(blocks: int, candidates: int, _: float) -> None:
        left_s = max(0.0, began_s + seconds - clock())
        tell(Progress(phase=phase[0], blocks=blocks, candidates=candidates, left_s=left_s))

    race = Race(measure, report, clock)
    grid = first(bounds, present, holter=holter)
    settled = race.run(grid, began_s + SPREAD * seconds)
    chosen = race.pick(race.usable(grid))
    phase[0] = "between"
    for _ in range(MOST_MIDDLES):
        middles = between(chosen, (*race.blocks, *race.failed))
        if not middles or clock() >= began_s + BETWEEN * seconds:
            break
        settled = race.run([chosen, *middles], began_s + BETWEEN * seconds)
        chosen = race.pick(race.usable([chosen, *middles]))
    others = other_batches(chosen)
    if others and clock() < began_s + AHEAD * seconds:
        phase[0] = "ahead"
        settled = race.run([chosen, *others], began_s + AHEAD * seconds) and settled
        chosen = race.pick(race.usable([chosen, *others]))
    if chosen != present and present not in race.failed:
        phase[0] = "proof"
        settled = race.run([chosen, present], began_s + seconds, keep=(chosen, present), least=LEAST_BLOCKS)
    if present in race.failed:
        return Found(chosen, None, settled, trials_of(race), race)
    if chosen in race.failed:  # only now: the present setting is what is left
        chosen = present
    gain = race.ratio(chosen, present)
    if not _is_worth(gain, chosen, present):
        chosen, gain = present, Interval(value=1.0, low=1.0, high=1.0)
    return Found(chosen, gain, settled, trials_of(race), race)


def trials_of(race: Race) -> tuple[Trial, ...]:
    """Return every candidate that was measured, the fastest first."""
    candidates: Sequence[Candidate] = list(race.blocks)
    best = race.best(candidates)
    trials = [
        Trial(
            candidate=candidate,
            blocks=len(blocks),
            per_s=race.mean(candidate),
            of_best=Interval(value=1.0) if candidate == best else race.ratio(candidate, best),
        )
        for candidate, blocks in race.blocks.items()
    ]
    return tuple(sorted(trials, key=lambda trial: -trial.of_best.value))


def _is_worth(gain: Interval, chosen: Candidate, present: Candidate) -> bool:
    if chosen == present:
        return False
    if gain.low is not None and gain.low > 1:
        return True
    if gain.low is None and gain.value > BEYOND_SCATTER:
        return True
    if chosen.loader != present.loader:
        return False
    is_less = chosen.readers < present.readers and gain.value >= NEARLY  # as fast, and leaves more to others
    return gain.value >= WORTH_UNPROVED or is_less
