"""Cores, free memory and /dev/shm bound what is compared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holter.bench.tuning.records import Bounds
from holter.bench.tuning.space import (
    MOST_SHARE,
    between,
    everything,
    first,
    memory_of,
    most_workers,
    other_batches,
    shm_of,
    with_readers,
)
from holter.sizes import GIB, MIB


def bounds(cpus: float, workers: int, threads: int) -> Bounds:
    return Bounds(
        cpus=cpus,
        cores=64,
        memory_bytes=None,
        shm_bytes=None,
        batch_bytes=1,
        most_workers=workers,
        most_threads=threads,
    )


def test_a_quota_bounds_the_workers_not_the_machines_cores() -> None:
    assert most_workers(2.5, 64, 500 * GIB, 200 * GIB, 20 * MIB) == (5, ())
    assert most_workers(8, 8, 500 * GIB, 200 * GIB, 20 * MIB) == (8, ())  # nnU-Net starts no more than the cores
    assert most_workers(64, 256, None, None, 20 * MIB) == (64, ())


def test_dockers_small_shared_memory_is_named() -> None:
    most, limited = most_workers(16, 32, 500 * GIB, 64 * MIB, 2 * MIB)
    assert limited == ("shm",)
    assert shm_of(most, 2 * MIB) <= MOST_SHARE * 64 * MIB < shm_of(most + 1, 2 * MIB)


def test_without_room_for_one_worker_only_the_loader_without_any_is_left() -> None:
    assert most_workers(16, 32, 500 * GIB, 64 * MIB, 40 * MIB) == (0, ("shm",))
    found = everything(bounds(16, 0, 4), holter=False)
    assert [(each.loader, each.readers) for each in found] == [("stock", 0)]


@given(
    st.floats(0.1, 128), st.integers(1, 256), st.integers(0, 1 << 38), st.integers(0, 1 << 38), st.integers(1, 1 << 30)
)
def test_what_may_be_tried_fits(cpus: float, cores: int, memory: int, shm: int, batch: int) -> None:
    most, _ = most_workers(cpus, cores, memory, shm, batch)
    assert 0 <= most <= cores
    assert memory_of(most, batch) <= MOST_SHARE * memory
    assert shm_of(most, batch) <= MOST_SHARE * shm


@given(st.floats(0.1, 64), st.integers(0, 64), st.integers(1, 64), st.booleans(), st.integers(0, 80))
def test_a_search_begins_with_the_present_and_stays_inside(
    cpus: float, workers: int, threads: int, holter: bool, present: int
) -> None:
    allowed, now = bounds(cpus, workers, threads), with_readers("stock", present)
    found = first(allowed, now, holter=holter)
    assert found[0] == now
    assert len(set(found)) == len(found)
    assert set(found[1:]) <= set(everything(allowed, holter=holter))
    assert len(found) <= 1 + 2 * 14


def test_between_halves_the_gaps_of_the_same_loader_until_none_is_left() -> None:
    tried = [with_readers("stock", number) for number in (4, 8, 16)] + [with_readers("holter", 7)]
    assert [each.readers for each in between(with_readers("stock", 8), tried)] == [6, 12]
    assert between(with_readers("holter", 7), tried) == []
    assert between(with_readers("stock", 4), [with_readers("stock", 4), with_readers("stock", 5)]) == []


def test_nnunets_loader_has_no_batches_to_choose() -> None:
    assert other_batches(with_readers("stock", 4)) == []
    assert {each.batches for each in other_batches(with_readers("holter", 4))} == {2, 8}
