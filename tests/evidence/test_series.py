"""The shape of epoch times: what is there is found, what is not is not, and a few odd epochs change nothing."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.evidence.series import _costs, analyse

scales = st.floats(0.5, 5000.0)
noises = st.floats(-0.04, 0.04)


def level(draw: st.DrawFn, base: float, count: int) -> list[float]:
    return [base * (1 + draw(noises)) for _ in range(count)]


@st.composite
def flat(draw: st.DrawFn) -> list[float]:
    return level(draw, draw(scales), draw(st.integers(6, 80)))


@st.composite
def steps(draw: st.DrawFn) -> tuple[list[float], int, float]:
    base, times = draw(scales), draw(st.floats(1.5, 20.0))
    before, after = draw(st.integers(5, 40)), draw(st.integers(4, 40))
    return level(draw, base, before) + level(draw, base * times, after), before, times


@given(flat())
def test_scatter_alone_is_flat(times: list[float]) -> None:
    found = analyse(times)
    assert found is not None
    assert (found.shape, found.recent_s, found.change) == ("flat", None, None)


@given(flat(), st.floats(1.6, 30.0))
def test_a_slow_first_epoch_is_only_that(times: list[float], factor: float) -> None:
    found = analyse([median(times) * factor, *times])
    assert found is not None
    assert found.shape == "first-only"
    assert found.first_times == pytest.approx(factor)


@given(steps())
def test_a_step_is_found_where_it_is(series: tuple[list[float], int, float]) -> None:
    times, change, factor = series
    found = analyse(times)
    assert found is not None
    assert (found.shape, found.change) == ("step-up", change)
    assert found.times == pytest.approx(factor, rel=0.1)


@given(steps())
def test_a_step_back_is_one_down(series: tuple[list[float], int, float]) -> None:
    times, change, _ = series
    found = analyse(times[::-1])
    assert found is not None
    # Few slow epochs before many usual ones are a slow beginning, told as such or as a step.
    assert found.shape == "step-down"
    assert found.change == len(times) - change


@settings(max_examples=60)
@given(steps(), st.data())
def test_a_few_odd_epochs_do_not_hide_a_step(series: tuple[list[float], int, float], data: st.DataObject) -> None:
    times, change, _ = series
    if change < 12 or len(times) - change < 12:
        return
    for side in (range(4, change - 4), range(change + 4, len(times) - 4)):
        times[data.draw(st.sampled_from(side))] *= data.draw(st.floats(2.0, 10.0))
    found = analyse(times)
    assert found is not None
    assert found.shape == "step-up"
    assert found.change is not None
    assert abs(found.change - change) <= 1


@given(flat(), st.data())
def test_two_odd_epochs_make_no_shape(times: list[float], data: st.DataObject) -> None:
    if len(times) < 12:
        return
    for place in data.draw(st.lists(st.integers(2, len(times) - 3), min_size=1, max_size=2, unique=True)):
        times[place] *= data.draw(st.floats(2.0, 50.0))
    found = analyse(times)
    assert found is not None
    assert found.shape == "flat"


@given(scales, st.integers(12, 120), st.floats(1.5, 5.0), st.booleans())
def test_a_line_is_a_drift(base: float, count: int, growth: float, down: bool) -> None:
    times = [base * (1 + (growth - 1) * index / (count - 1)) for index in range(count)]
    found = analyse(times[::-1] if down else times)
    assert found is not None
    assert found.shape == ("decreasing" if down else "drift-up")


@given(flat(), st.integers(5, 15), st.floats(1.8, 6.0))
def test_slow_epochs_at_equal_distances_are_periodic(times: list[float], period: int, factor: float) -> None:
    base = median(times)
    series = [base * (factor if index % period == period - 1 else 1.0) for index in range(period * 6)]
    found = analyse(series)
    assert found is not None
    assert (found.shape, found.period) == ("periodic", period)
    assert found.usual_s == pytest.approx(base)


def test_slow_epochs_at_odd_distances_are_a_heavy_tail() -> None:
    times = [100.0] * 100
    for place in (3, 9, 11, 28, 33, 50, 52, 71, 90):
        times[place] = 300.0
    found = analyse(times)
    assert found is not None
    assert (found.shape, found.recent_s) == ("heavy-tail", 300.0)


def test_one_epoch_of_seven_hours_at_the_end_is_enough() -> None:
    """The training of nnU-Net's issue 2041: some epochs of 160 s, then one of 25000 s."""
    found = analyse([163.0, 158.0, 160.0, 161.0, 159.0, 160.0, 25000.0])
    assert found is not None
    assert (found.shape, found.change, found.times) == ("step-up", 6, pytest.approx(25000 / 160, rel=0.01))


@given(st.lists(st.floats(0.01, 1e5), min_size=4, max_size=120), st.floats(0.01, 100.0))
def test_the_unit_of_time_does_not_matter(times: list[float], factor: float) -> None:
    # Powers of two scale without rounding; thresholds are ratios.
    factor = 2.0 ** round(factor % 7)
    one, other = analyse(times), analyse([value * factor for value in times])
    assert one is not None
    assert other is not None
    assert (one.shape, one.change, one.slow) == (other.shape, other.change, other.slow)


@given(st.lists(st.floats(0.0, 1e4), max_size=60))
def test_any_series_has_a_shape_or_is_too_short(times: list[float]) -> None:
    assert (analyse(times) is None) == (len(times) < 4)


@given(st.lists(st.floats(0.0, 1e4), min_size=1, max_size=60))
def test_running_costs_are_those_of_the_definition(times: list[float]) -> None:
    direct = [sum(abs(value - median(times[: end + 1])) for value in times[: end + 1]) for end in range(len(times))]
    assert _costs(times) == pytest.approx(direct, abs=1e-6)
