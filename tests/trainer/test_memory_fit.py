"""A loader in little memory: fewer batches ahead, then fewer threads, and at last it says that it is too little."""

from __future__ import annotations

import pytest

from holter.loader import Sampling
from holter.trainer.memory_fit import MOST_SHARE, Fit, Purposes, batches_for, fit, needed_bytes

MIB = 1 << 20
WANTED = Purposes((4, 2), 8)
SAMPLINGS = [Sampling(batch_size=2, patch_size=(128,) * 3, initial_patch_size=(size,) * 3) for size in (205, 128)]


def needed(purposes: Purposes) -> int:
    return needed_bytes(purposes, SAMPLINGS, 1, 1, on_gpu=False)


def fitted(free: int | None) -> Fit:
    return fit(WANTED, free, needed)


@pytest.mark.parametrize("free", [None, 64 << 30])
def test_with_enough_memory_or_where_it_is_unknown_nothing_changes(free: int | None) -> None:
    assert fitted(free).chosen == WANTED
    assert not fitted(free).is_short


def test_less_memory_never_means_more_batches_or_threads_and_what_is_chosen_fits() -> None:
    before = fitted(64 << 30)
    for free in range(8192, 0, -64):
        now = fitted(free * MIB)
        assert now.chosen.threads <= before.chosen.threads
        assert now.chosen.depths <= before.chosen.depths
        assert now.needed <= MOST_SHARE * free * MIB or (now.is_short and now.chosen == Purposes((1, 1), 1))
        before = now
    assert before.is_short


def test_batches_go_before_threads() -> None:
    enough = next(Fit(*each) for each in (fitted(free * MIB) for free in range(8192, 0, -16)) if each.chosen != WANTED)
    assert enough.chosen == Purposes((3, 2), 8)


def test_one_of_each_is_never_made_smaller() -> None:
    least = Purposes((1, 1), 1)
    assert fit(least, 1, needed).chosen == least


def test_more_threads_batches_or_channels_need_more() -> None:
    for more in (Purposes((5, 2), 8), Purposes((4, 3), 8), Purposes((4, 2), 9)):
        assert needed(more) > needed(WANTED)
    assert needed_bytes(WANTED, SAMPLINGS, 4, 1, on_gpu=False) > 1.5 * needed(WANTED)


@pytest.mark.parametrize(
    ("threads", "batch_size", "ahead"), [(1, 2, 4), (4, 2, 4), (8, 2, 6), (12, 2, 8), (12, 79, 4), (12, 1, 14)]
)
def test_every_thread_has_a_sample_beside_two_finished_batches(threads: int, batch_size: int, ahead: int) -> None:
    assert batches_for(threads, batch_size) == ahead
    assert (ahead - 2) * batch_size >= threads
