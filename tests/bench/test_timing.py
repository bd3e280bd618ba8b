"""Times become a rate with an interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.bench.child.timing import rate_of, repeat


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=300), st.integers(1, 12))
def test_the_rate_is_calls_over_time_and_lies_in_its_interval(times: list[float], block: int) -> None:
    rate = rate_of(times, 2, block=block)
    assert rate.per_s == pytest.approx(2 * len(times) / sum(times))
    if rate.low is not None and rate.high is not None:
        assert rate.low <= rate.per_s * 1.0001
        assert rate.high >= rate.per_s * 0.9999


def test_two_times_have_no_interval_and_none_is_an_error() -> None:
    assert rate_of([1.0, 1.1], 1).spread is None
    with pytest.raises(ValueError, match="nothing"):
        rate_of([], 1)


def test_blocks_of_workers_that_deliver_at_once_widen_the_interval() -> None:
    """Four workers give four batches together: single times would look very uneven, or blocks very even."""
    bursts = [0.4, 0.0001, 0.0001, 0.0001] * 20
    spread = rate_of(bursts, 1, block=4).spread
    assert spread is not None
    assert spread < 0.01


def test_something_slow_is_still_done_often_enough() -> None:
    assert len(repeat(lambda: None, for_s=0.0, least=3)) == 3
