"""Make all random choices for a sample, from the numbers of its step and its slot."""

from __future__ import annotations

import threading
from collections.abc import Container, Sequence
from typing import Any, Protocol

import numpy as np

from holter.errors import BadInput, NoReadableCase
from holter.loader.plan.foreground_file import Locations
from holter.loader.plan.placement import place
from holter.loader.read_errors import in_case
from holter.loader.records import CaseFacts, Region, SamplePlan, Sampling
from holter.loader.stage.chain import Box, Chain

# Probability that so many draws in a row give unreadable cases although half of the cases can be read: 2 ** -200.
MOST_ATTEMPTS = 200
_WORD = (1 << 64) - 1


class Generators(threading.local):
    """The random generator of each sample; one object serves all samples of a thread.

    Philox computes each number from a key and a counter alone: no earlier draw has an effect. The key is
    (seed, stream); step, slot and attempt are the high words of the counter, so no two samples share a number.

    Source:  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """

    def __init__(self) -> None:
        self._bits = np.random.Philox(key=0)
        self._rng = np.random.Generator(self._bits)
        self._state: Any = np.random.Philox(key=0, counter=0).state

    def at(self, seed: int, stream: int, step: int, slot: int, attempt: int = 0) -> np.random.Generator:
        """Return the generator of one sample, valid until this thread's next call.

        Units:   ``stream`` separates ranks, training and validation that share a seed; ``attempt`` counts
                 replacements of a case that cannot be read.
        """
        self._state["state"]["key"][:] = seed & _WORD, stream & _WORD
        self._state["state"]["counter"][:] = 0, attempt, slot, step
        self._bits.state = self._state
        return self._rng


def is_forced(sampling: Sampling, slot: int, rng: np.random.Generator) -> bool:
    """Return whether the sample in this slot must contain foreground.

    As in nnU-Net these are the last samples of a batch, or with ``probabilistic_oversampling`` each one by chance.

    Source:  nnunetv2 2.8.1 nnUNetDataLoader._oversample_last_XX_percent, _probabilistic_oversampling.
    """
    if sampling.probabilistic_oversampling:
        return bool(rng.uniform() < sampling.oversample_foreground_percent)
    # Python's round() rounds half to even; nnU-Net uses it too.
    return not slot < round(sampling.batch_size * (1 - sampling.oversample_foreground_percent))


class Cases(Protocol):
    """The facts about cases that the planner needs. They must not change: the plan is a function of them."""

    @property
    def identifiers(self) -> Sequence[str]:
        """Return all cases, always in the same order."""
        ...

    def facts(self, case: str) -> CaseFacts:
        """Return the channels and the shape of a case."""
        ...

    def locations(self, case: str) -> Locations:
        """Return the foreground voxels of a case."""
        ...


class Planner:
    """Plans samples: a pure function of (seed, stream, step, slot), the cases, and which of them to leave out."""

    def __init__(self, sampling: Sampling, cases: Cases, chain: Chain, seed: int, stream: int = 0) -> None:
        if not cases.identifiers:
            raise BadInput("there is no case to train on")
        self.sampling = sampling
        self._cases = cases
        self._chain = chain
        self._seed = seed
        self._stream = stream
        self._generators = Generators()
        weights = sampling.sampling_probabilities
        if weights is not None and len(weights) != len(cases.identifiers):
            raise BadInput(f"{len(weights)} sampling probabilities for {len(cases.identifiers)} cases")
        self._thresholds = None if weights is None else np.cumsum(weights) / np.sum(weights)

    def plan(self, step: int, slot: int, avoid: Container[str] = ()) -> SamplePlan:
        """Return the plan of the sample in one slot of one batch.

        A case in ``avoid`` is replaced by the draw of the next attempt, which depends only on the attempt. So the same
        ``avoid`` gives the same draw at any time.

        Raises:  NoReadableCase if only avoided cases were drawn; CaseTrouble if the facts of a case cannot be read.
        """
        for attempt in range(MOST_ATTEMPTS):
            rng = self._generators.at(self._seed, self._stream, step, slot, attempt)
            case = self._choose_case(rng)
            if case not in avoid:
                with in_case(case):
                    return self._plan_in(case, rng, step, slot, attempt)
        raise NoReadableCase(
            f"step {step}: {MOST_ATTEMPTS} draws gave only cases that cannot be read",
            safe="what was trained until now",
            next_step="look at the storage of the preprocessed data",
        )

    def _choose_case(self, rng: np.random.Generator) -> str:
        names = self._cases.identifiers
        if self._thresholds is None:
            return names[int(rng.integers(len(names)))]
        return names[min(int(np.searchsorted(self._thresholds, rng.random(), side="right")), len(names) - 1)]

    def _plan_in(self, case: str, rng: np.random.Generator, step: int, slot: int, attempt: int) -> SamplePlan:
        forced = is_forced(self.sampling, slot, rng)
        facts = self._cases.facts(case)
        # Two of three samples need no locations, so these are not even read.
        needs_locations = forced or self.sampling.has_ignore_label
        placed = place(
            rng, self.sampling, facts.shape, self._cases.locations(case) if needs_locations else None, forced
        )
        draw = self._chain.draw(rng, facts.channels)
        return SamplePlan(
            step=step,
            slot=slot,
            attempt=attempt,
            case=case,
            is_foreground_forced=forced,
            chosen_class=placed.chosen_class,
            initial=placed.region,
            needed=_within(placed.region, self._chain.needed_box(draw), self.sampling.is_2d),
            channels=facts.channels,
            seg_channels=facts.seg_channels,
            draw=draw,
        )


def _within(initial: Region, box: Box, is_2d: bool) -> Region:
    # Converts the box from coordinates of the initial patch to those of the case.
    lower, upper = ((0, *box.lower), (1, *box.upper)) if is_2d else (box.lower, box.upper)
    start = initial.lower
    return Region(
        tuple(int(at + offset) for at, offset in zip(start, lower, strict=True)),
        tuple(int(at + offset) for at, offset in zip(start, upper, strict=True)),
    )
