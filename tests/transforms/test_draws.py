"""Draws have stock's distributions; 100,000 of them are compared by benchmarks/parity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from benchmarks import drawn
from benchmarks.parity import CHANNELS, CONFIGURATIONS, LEAST_P, compare_draws, least_corrected

from holter.transforms import Chain
from holter.transforms.scalar import TwoSided, Uniform
from transforms.material import SMALL_3D, Configuration, chain_of

DRAWS = 2_000


@pytest.mark.slow
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda configuration: configuration.name)
def test_every_parameter_has_stocks_distribution(configuration: object) -> None:
    compared = compare_draws(configuration, DRAWS)  # type: ignore[arg-type]
    assert not [comparison for comparison in compared if comparison.test == "missing" and comparison.stock > 20]
    assert least_corrected([comparison for comparison in compared if comparison.test != "missing"]) > LEAST_P


def test_the_comparison_tells_an_even_factor_from_a_two_sided_one() -> None:
    rng = np.random.default_rng(1)
    numbers = [{"factor": [kind(0.7, 1.5).draw(rng) for _ in range(DRAWS)]} for kind in (TwoSided, Uniform)]
    assert least_corrected(drawn.compare(*numbers)) < LEAST_P


def generator(seed: int, step: int, slot: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, slot, step]))


def test_a_draw_depends_on_its_generator_alone() -> None:
    chain = chain_of(SMALL_3D, SMALL_3D.training())
    np.random.seed(1)
    torch.manual_seed(1)
    first = [chain.draw(generator(5, step, 0), 2) for step in range(20)]
    np.random.seed(2)
    again = [chain.draw(generator(5, step, 0), 2) for step in reversed(range(20))][::-1]
    assert first == again
    assert len({str(draw) for draw in first}) > 10  # some samples draw nothing but a crop


def fires(chain: Chain, name: str, draws: int = 3000) -> float:
    step = next(index for index, step in enumerate(chain.steps) if step.name.startswith(name))
    return float(
        np.mean([chain.draw(generator(1, number, 1), CHANNELS).draws[step] is not None for number in range(draws)])
    )


@pytest.mark.parametrize(
    ("name", "probability"),
    [("noise", 0.1), ("blur", 0.2 * 0.75), ("brightness", 0.15), ("contrast", 0.15), ("low resolution", 0.25 * 0.75)],
)
def test_steps_hit_as_many_samples_as_they_should(name: str, probability: float) -> None:
    chain = chain_of(SMALL_3D, SMALL_3D.training())
    assert fires(chain, name) == pytest.approx(probability, abs=0.03)


def test_parameters_of_the_trainer_are_those_that_are_drawn() -> None:
    compose = Configuration((8, 8, 8), channels=2).training()
    compose.transforms[1].apply_probability = 1.0
    compose.transforms[1].transform.noise_variance = (3, 3)
    compose.transforms[0].p_rotation, compose.transforms[0].p_scaling = 0, 1
    chain = chain_of(replace(SMALL_3D, patch=(8, 8, 8)), compose)
    spatial, noise = chain.draw(generator(1, 1, 1), 2).draws[:2]
    assert noise.sigmas == (3.0, 3.0)
    assert spatial.angles is None
    assert len(set(spatial.scales)) == 1
