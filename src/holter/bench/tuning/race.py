"""Measure candidates in rounds, each once a round, and drop the slow ones until the rest cannot be improved."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, geometric_mean

from holter.bench.tuning.records import Block, Candidate, Interval
from holter.bench.tuning.space import cheapest
from holter.errors import HolterError
from holter.records import Text
from holter.trainer.auto.race import LEAST_BLOCKS, half_width

# Half of a 95 % interval: narrower says no more about a training.
NARROW = 0.03
# A candidate is out when its interval ends below this share of the fastest one's speed.
AS_GOOD = 0.98
# With one or two blocks there is no interval: out is what no scatter between blocks explains.
CLEARLY_SLOWER = {1: 0.75, 2: 0.85}
# Of candidates that cannot be distinguished, the one that takes least is chosen, if its mean is this near to the best.
NEARLY = 0.99

Measure = Callable[[Candidate], Block]


class CandidateFailed(Exception):
    """A training with this candidate fails here; ``said`` says how."""

    def __init__(self, said: Text) -> None:
        super().__init__(said)
        self.said = said

    def __str__(self) -> str:
        return str(HolterError(self.said))


Report = Callable[[int, int, float], None]  # blocks, candidates, seconds left


class Race:
    """Keeps every measured block, so that a candidate that is measured again later has its earlier blocks too."""

    def __init__(self, measure: Measure, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self._measure, self._report, self._clock = measure, report, clock
        self._round = 0
        self.blocks: dict[Candidate, dict[int, Block]] = {}
        self.failed: dict[Candidate, Text] = {}  # with the reason; never measured again
        self._took_s: dict[Candidate, float] = {}

    def run(
        self, candidates: Sequence[Candidate], until_s: float, *, keep: Sequence[Candidate] = (), least: int = 1
    ) -> bool:
        """Measure rounds until the remaining candidates are distinguished, or ``until_s`` by the clock of this race.

        Return whether they are distinguished. ``keep``: candidates that are dropped only if they fail. ``least``: so
        many rounds are measured even if the time is up.

        Raises:  CandidateFailed if all of them do.
        """
        alive, last = list(candidates), self._round + least
        while True:
            self._measure_round(alive, until_s)
            alive = self.usable(alive)
            alive = [each for each in alive if each in keep or not self._is_out(each, self.best(alive))]
            if self._is_settled(alive):
                return True
            if self._round >= last and self._clock() + sum(self._took_s[each] for each in alive) > until_s:
                return False

    def sweep(self, candidates: Sequence[Candidate], rounds: int) -> None:
        """Measure so many rounds without a time limit; in each, every candidate that has not failed."""
        for _ in range(rounds):
            self._measure_round(self.usable(candidates), float("inf"))

    def usable(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those candidates that have not failed.

        Raises:  CandidateFailed, with the last reason, if all of them did.
        """
        left = [each for each in candidates if each not in self.failed]
        if candidates and not left:
            raise CandidateFailed(self.failed[candidates[-1]])
        return left

    def best(self, candidates: Sequence[Candidate]) -> Candidate:
        """Return the fastest candidate.

        Each is compared with the one that has most rounds, in the rounds that both have.
        """
        return max(candidates, key=lambda each: self._against_most(each, candidates))

    def pick(self, candidates: Sequence[Candidate]) -> Candidate:
        """Return the candidate to use: of those that are as fast as the fastest, the one that needs least resources."""
        best = self.best(candidates)
        return cheapest([each for each in candidates if each == best or self._is_as_good(each, best)])

    def ratio(self, fast: Candidate, slow: Candidate) -> Interval:
        """Return how many times as fast ``fast`` is as ``slow``, with a 95 % interval if enough rounds have both."""
        found = ratio_of(self._speeds(fast), self._speeds(slow))
        return found or Interval(value=self.mean(fast) / self.mean(slow))

    def mean(self, candidate: Candidate) -> float:
        """Return the mean speed of a candidate in samples per second."""
        return geometric_mean(self._speeds(candidate).values())

    def _measure_round(self, candidates: Sequence[Candidate], until_s: float) -> None:
        # To and fro: what becomes slower or faster with time meets the first and the last in the same way.
        order = list(candidates) if self._round % 2 == 0 else list(reversed(candidates))
        for candidate in order:
            began_s = self._clock()
            try:
                block = self._measure(candidate)
            except CandidateFailed as error:
                self.failed[candidate] = error.said
                self.blocks.pop(candidate, None)
                continue
            self.blocks.setdefault(candidate, {})[self._round] = block
            self._took_s[candidate] = self._clock() - began_s
            self._report(sum(map(len, self.blocks.values())), len(candidates), max(0.0, until_s - self._clock()))
        self._round += 1

    def _speeds(self, candidate: Candidate) -> dict[int, float]:
        return {number: block.per_s for number, block in self.blocks[candidate].items()}

    def _against_most(self, candidate: Candidate, candidates: Sequence[Candidate]) -> float:
        most = max(candidates, key=lambda each: len(self.blocks[each]))
        return self.ratio(candidate, most).value

    def _is_out(self, candidate: Candidate, best: Candidate) -> bool:
        if candidate == best:
            return False
        ratio = self.ratio(candidate, best)
        if ratio.high is None:
            pairs = len(self.blocks[candidate].keys() & self.blocks[best].keys())
            return ratio.value < CLEARLY_SLOWER.get(pairs, 0.0)
        return ratio.high < AS_GOOD

    def _is_as_good(self, candidate: Candidate, best: Candidate) -> bool:
        ratio = self.ratio(candidate, best)
        return ratio.value >= NEARLY and (ratio.high is None or ratio.high >= AS_GOOD)

    def _is_settled(self, alive: Sequence[Candidate]) -> bool:
        best = self.best(alive)
        halves = [self.ratio(each, best).half for each in alive if each != best]
        return all(half is not None and half < NARROW for half in halves)


def ratio_of(fast: Mapping[int, float], slow: Mapping[int, float]) -> Interval | None:
    """Return the ratio of two speeds, from the rounds in which both were measured; None if there is none.

    Both arguments map the number of a round to a speed. What slows down a whole round does not change the ratio.
    """
    logs = [math.log(fast[number] / slow[number]) for number in fast if number in slow]
    return None if not logs else _interval(logs)


def _interval(logs: Sequence[float]) -> Interval:
    mean = fmean(logs)
    if len(logs) < LEAST_BLOCKS:
        return Interval(value=math.exp(mean))
    error = half_width(logs)
    if error > 1:  # scattered over more than a factor of seven
        return Interval(value=math.exp(mean))
    return Interval(value=math.exp(mean), low=math.exp(mean - error), high=math.exp(mean + error))
