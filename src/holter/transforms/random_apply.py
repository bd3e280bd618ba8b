"""A step that not every sample goes through: with some probability, or one step out of several.

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
    """The step, with a probability; each sample decides on its own."""

    step: Step
    probability: float

    @property
    def name(self) -> str:
        """That of the step."""
        return f"{self.step.name} (p = {self.probability:g})"

    def draw(self, rng: np.random.Generator, channels: int) -> object | None:
        """The step's draw, or None."""
        return self.step.draw(rng, channels) if rng.random() < self.probability else None

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """The step's own."""
        self.step.apply(work, hits)


class Chosen(NamedTuple):
    """Which of the steps, and what it drew."""

    step: int
    draw: object


@dataclass(frozen=True)
class OneOf(ShapePreserving):
    """One of the steps, all with the same probability; each sample chooses on its own."""

    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """Those of the steps."""
        return "one of: " + ", ".join(step.name for step in self.steps)

    def draw(self, rng: np.random.Generator, channels: int) -> Chosen | None:
        """The chosen step's draw; None if that leaves the sample alone."""
        index = int(rng.integers(len(self.steps)))
        draw = self.steps[index].draw(rng, channels)
        return None if draw is None else Chosen(index, draw)

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Samples that chose the same step go through it together."""
        for index, step in enumerate(self.steps):
            chosen = [Applied(hit.slot, hit.draw.draw) for hit in hits if hit.draw.step == index]
            if chosen:
                step.apply(work, chosen)
