"""Numbers that stock describes as a value, a range or a BGContrast, drawn from an explicit generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

BG_CONTRAST = "batchgeneratorsv2.transforms.intensity.contrast.BGContrast"


class Random(Protocol):
    """A distribution to draw numbers from."""

    def draw(self, rng: np.random.Generator) -> float:
        """Return one number."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value; draws nothing."""

    value: float

    def draw(self, rng: np.random.Generator) -> float:  # noqa: ARG002 - one signature for all
        """Return the constant; the generator is not used."""
        return self.value


@dataclass(frozen=True, slots=True)
class Uniform:
    """A number from [low, high), uniformly distributed."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a number from [low, high)."""
        return self.low + (self.high - self.low) * rng.random()


@dataclass(frozen=True, slots=True)
class Normal:
    """A normally distributed number."""

    mean: float
    deviation: float

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a number; it has no limits."""
        return float(rng.normal(self.mean, self.deviation))


@dataclass(frozen=True, slots=True)
class TwoSided:
    """Half of the draws uniform below 1, the other half uniform above 1: not uniform over the whole range.

    Source:  batchgeneratorsv2 0.3.6 BGContrast.
    """

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a factor from [low, high)."""
        below = rng.random() < 0.5 and self.low < 1
        start, end = (self.low, 1.0) if below else (max(self.low, 1.0), self.high)
        return start + (end - start) * rng.random()


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A number from [low, high) whose logarithm is uniformly distributed; both ends are above 0."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a number from [low, high)."""
        return float(np.exp(np.log(self.low) + (np.log(self.high) - np.log(self.low)) * rng.random()))


@dataclass(frozen=True, slots=True)
class Either:
    """Half of the draws from one range, the other half from another."""

    first: Uniform
    second: Uniform

    @property
    def low(self) -> float:
        """Return the lower end of both ranges."""
        return min(self.first.low, self.second.low)

    @property
    def high(self) -> float:
        """Return the upper end of both ranges."""
        return max(self.first.high, self.second.high)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw the range, then a number from it."""
        return (self.first if rng.random() < 0.5 else self.second).draw(rng)


Scalar: TypeAlias = Constant | Uniform | TwoSided | LogUniform | Either


def draw_each(rng: np.random.Generator, scalar: Random, count: int, *, same: bool) -> tuple[float, ...]:
    """Return ``count`` drawn numbers; with ``same``, one number is drawn and repeated."""
    return (scalar.draw(rng),) * count if same else tuple(scalar.draw(rng) for _ in range(count))


def read_scalar(stock: object) -> Scalar | None:
    """Return the distribution of stock's RandomScalar; None for a function, which cannot be analysed."""
    if isinstance(stock, (int, float)):
        return Constant(float(stock))
    if isinstance(stock, (tuple, list)):
        return _read_range(stock)
    owner: Any = getattr(stock, "__self__", stock)  # BGContrast(...) itself, or its method sample_contrast
    if full_name(type(owner)) == BG_CONTRAST and not callable(owner.contrast_range):
        low, high = owner.contrast_range
        return TwoSided(float(low), float(high))
    return None


def upper_end(scalar: Scalar) -> float:
    """Return the largest number that can be drawn."""
    return scalar.value if isinstance(scalar, Constant) else scalar.high


def lower_end(scalar: Scalar) -> float:
    """Return the smallest number that can be drawn."""
    return scalar.value if isinstance(scalar, Constant) else scalar.low


def full_name(kind: type) -> str:
    """Return module and name of a class, which identify a stock transform without importing it."""
    return f"{kind.__module__}.{kind.__qualname__}"


def single(value: float) -> float:
    """Round to float32, as stock stores the parameters that it puts into tensors."""
    return float(np.float32(value))


def pick(rng: np.random.Generator, count: int, probability: float) -> tuple[int, ...]:
    """Return the indices of the channels to change: each of ``count`` is drawn independently, with ``probability``."""
    if probability >= 1:
        return tuple(range(count))
    return tuple(index for index in range(count) if rng.random() < probability)


def _read_range(stock: tuple[float, ...] | list[float]) -> Scalar | None:
    if len(stock) != 2 or stock[0] > stock[1]:
        return None
    low, high = float(stock[0]), float(stock[1])
    return Constant(low) if low == high else Uniform(low, high)
