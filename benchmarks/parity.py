"""Compare our transforms with stock's: their distributions, and their cost.

Every parameter is drawn 100,000 times on both sides and compared: Kolmogorov-Smirnov for measurements, chi-square for
counts. With that many tests some p-values are small by chance, so the limit of 0.01 is for all tests of a
configuration together (Bonferroni). Then 2,000 whole samples go through both pipelines side by side; means of moments
and label shares must agree within Monte-Carlo error. (tests/transforms checks that single samples are equal for the
same draw.)

The CPU time is that of this thread, with one thread for torch; run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.drawn import BUMP_SIZE, Comparison, compare, draw_ours, draw_stock, pairs_of
from benchmarks.material import say
from benchmarks.pipeline import differences, measure
from benchmarks.reporting import Goal, Row, conclude
from holter.transforms import Chain, Geometry, read_chain

LEAST_P = 0.01
MOST_STANDARD_ERRORS = 4.0  # of some dozens of comparisons one in a thousand reaches this by chance
CHANNELS = 2


class Configuration(NamedTuple):
    """A configuration as a trainer would make it, with a patch for whole samples and a tiny one for draws."""

    name: str
    patch: tuple[int, ...]
    tiny: tuple[int, ...]
    degrees: float
    dummy: bool = False
    cascade: bool = False
    trainer: str = "nnUNetTrainer"


CONFIGURATIONS = (
    Configuration("3D", (48, 48, 48), (4, 4, 4), 30),
    Configuration("dummy 2D", (12, 64, 64), (4, 14, 14), 180, dummy=True),
    Configuration("2D", (96, 96), (4, 4), 180),
    Configuration("cascade", (40, 40, 40), (4, 4, 4), 30, cascade=True),
    Configuration("nnUNetTrainerDA5", (48, 48, 48), BUMP_SIZE, 30, trainer="nnUNetTrainerDA5"),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10,000 draws and 100 samples: too few to be quoted")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    options = parser.parse_args(arguments)
    draws, samples = (10_000, 100) if options.quick else (100_000, 2_000)
    torch.set_num_threads(1)
    rows: list[Row] = []
    goals: list[Goal] = []
    for configuration in CONFIGURATIONS:
        say(f"{configuration.name}: drawing")
        compared = compare_draws(configuration, draws)
        worst = least_corrected(compared)
        goals.append(
            Goal(f"{configuration.name}: least p of {len(compared)} draws, at least", LEAST_P, worst, worst > LEAST_P)
        )
        rows += [row(configuration.name, comparison) for comparison in compared]
        if not configuration.cascade:
            say(f"{configuration.name}: {samples} samples")
            more, apart = compare_samples(configuration, samples)
            rows += more
            name = f"{configuration.name}: means apart, in standard errors"
            goals.append(Goal(name, MOST_STANDARD_ERRORS, apart, apart <= MOST_STANDARD_ERRORS))
    return conclude(rows, goals, options.json)


def chain_of(configuration: Configuration, patch: tuple[int, ...]) -> tuple[Any, Chain]:
    from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDA5 import nnUNetTrainerDA5

    trainer = {each.__name__: each for each in (nnUNetTrainer, nnUNetTrainerDA5)}[configuration.trainer]
    angle = configuration.degrees * np.pi / 180
    compose = trainer.get_training_transforms(
        patch, (-angle, angle), None, tuple(range(len(patch))), configuration.dummy,
        is_cascaded=configuration.cascade, foreground_labels=[1, 2, 3],
    )  # fmt: skip
    initial = [int(size) for size in get_patch_size(patch, *((-angle, angle),) * 3, (0.85, 1.25))]
    if configuration.dummy:
        initial[0] = patch[0]
    return compose, read_chain(compose, Geometry(patch, tuple(initial), configuration.dummy))


def compare_draws(configuration: Configuration, draws: int) -> list[Comparison]:
    np.random.seed(1)
    torch.manual_seed(1)
    compose, chain = chain_of(configuration, configuration.tiny)
    pairs = pairs_of(compose, chain)
    size = configuration.tiny[1:] if configuration.dummy else configuration.tiny
    flat = [pair for pair in pairs if pair.name == "SpatialTransform"]
    deep = [pair for pair in pairs if pair not in flat]
    stock = draw_stock(flat, CHANNELS, draws, size) | draw_stock(deep, CHANNELS, draws, configuration.tiny)
    return compare(stock, draw_ours(pairs, chain, CHANNELS, draws, seed=2))


def compare_samples(configuration: Configuration, samples: int) -> tuple[list[Row], float]:
    np.random.seed(3)
    torch.manual_seed(3)
    compose, chain = chain_of(configuration, configuration.patch)
    measure(compose, chain, 3, CHANNELS, seed=9)  # stock tunes its blur once per shape
    stock, ours = measure(compose, chain, samples, CHANNELS, seed=4)
    apart = differences(stock, ours)
    rows: list[Row] = [
        {
            "configuration": configuration.name,
            "what": f"sample: {difference.name}",
            "stock": difference.stock,
            "ours": difference.ours,
            "apart": difference.standard_errors,
        }
        for difference in apart
    ]
    cost = {"configuration": configuration.name, "what": "CPU, ms a sample", "stock": stock.cpu_ms_per_sample}
    rows.append({**cost, "ours": ours.cpu_ms_per_sample, "ratio": stock.cpu_s / ours.cpu_s})
    return rows, max(difference.standard_errors for difference in apart)


def least_corrected(compared: Sequence[Comparison]) -> float:
    """Return the smallest p-value after Bonferroni's correction for the number of comparisons."""
    return min(1.0, len(compared) * min(comparison.p for comparison in compared))


def row(configuration: str, comparison: Comparison) -> Row:
    return {
        "configuration": configuration,
        "what": comparison.name,
        "stock": comparison.stock,
        "ours": comparison.ours,
        "test": comparison.test,
        "p": comparison.p,
    }


if __name__ == "__main__":
    sys.exit(main())
