"""Turn a sample by multiples of 90 degrees.

Source:  batchgeneratorsv2 0.3.6 Rot90Transform.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from holter.transforms.scalar import Scalar, read_scalar
from holter.transforms.spatial.reorder import AxisOrder, Reorder, exchangeable

STOCK = "batchgeneratorsv2.transforms.spatial.rot90.Rot90Transform"


class Turn(NamedTuple):
    """Quarter turns from the first axis towards the second, as torch.rot90 counts them."""

    quarters: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Rot90Draw:
    """The turns, one after the other."""

    turns: tuple[Turn, ...]

    def order(self, axes: int) -> AxisOrder:
        """Return the order of the axes after all turns."""
        shown, backwards = list(range(axes)), [False] * axes
        for quarters, first, second in self.turns:
            for _ in range(quarters % 4):
                shown[first], shown[second] = shown[second], shown[first]
                backwards[first], backwards[second] = not backwards[second], backwards[first]
        return AxisOrder(tuple(shown), tuple(backwards))


@dataclass(frozen=True)
class Rot90(Reorder):
    """Turns a sample in the planes of drawn axes."""

    turns: Scalar  # how many
    quarters: tuple[int, ...]  # of a turn: one of these
    allowed: tuple[int, ...]
    name = "turn by 90 degrees"

    def draw(self, rng: np.random.Generator, channels: int) -> Rot90Draw:  # noqa: ARG002 - one signature for all
        """Draw how many turns, then for each its quarters and its two axes."""
        return Rot90Draw(tuple(self._turn(rng) for _ in range(round(self.turns.draw(rng)))))

    def _turn(self, rng: np.random.Generator) -> Turn:
        quarters = self.quarters[int(rng.integers(len(self.quarters)))]
        first, second = sorted(rng.permutation(self.allowed)[:2].tolist())
        return Turn(quarters, first, second)


def read(stock: Any, size: tuple[int, ...]) -> Rot90 | None:
    """Return a step with the stock transform's distribution; None if a turn could change the size of the sample."""
    turns, allowed = read_scalar(stock.num_axis_combinations), exchangeable(stock.allowed_axes, size)
    quarters = tuple(int(number) for number in stock.num_rot_per_combination)
    if turns is None or allowed is None or len(allowed) < 2 or not quarters:
        return None
    return Rot90(turns, quarters, allowed)
