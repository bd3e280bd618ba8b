"""A step for some samples only: with a probability, or one step out of several.

Source:  batchgeneratorsv2 0.3.6 RandomTransform and OneOfTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving, Step


@dataclass(frozen=True)
class RandomApply(ShapePreserving):
    """Applies a step with a probability; each sample is drawn independently."""

    step: Step
    probability: float

    @property
    def name(self) -> str:
        """Return the step's name and the probability."""
        return f"{self.step.name} (p = {self.probability:g})"

    def draw(self, rng: np.random.Generator, channels: int) -> object | None:
        """Return the step's draw; None if the sample stays unchanged."""
        return self.step.draw(rng, channels) if rng.random() < self.probability else None

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Apply the step in place to the samples of ``work`` that ``hits`` names: those that have a draw."""
        self.step.apply(work, hits)


class Chosen(NamedTuple):
    """The index of the chosen step, and that step's draw."""

    step: int
    draw: object


@dataclass(frozen=True)
class OneOf(ShapePreserving):
    """Applies to each sample one of the steps, drawn with equal probability."""

    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """Return "one of", with the names of the steps."""
        return "one of: " + ", ".join(step.name for step in self.steps)

    def draw(self, rng: np.random.Generator, channels: int) -> Chosen | None:
        """Return the chosen step's draw; None if that step does not apply to the sample."""
        index = int(rng.integers(len(self.steps)))
        draw = self.steps[index].draw(rng, channels)
        return None if draw is None else Chosen(index, draw)

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Apply each step once, in place, to all samples in ``hits`` for which it was drawn."""
        for index, step in enumerate(self.steps):
            chosen = [Applied(hit.slot, hit.draw.draw) for hit in hits if hit.draw.step == index]
            if chosen:
                step.apply(work, chosen)
