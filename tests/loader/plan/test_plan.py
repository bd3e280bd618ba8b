"""Plans: nnU-Net's distributions, and nothing but (seed, step, slot) decides."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from scipy import stats

from holter.errors import BadInput, NoReadableCase
from holter.loader import Catalogue, NoTransforms, Planner, Sampling, catalogue_like, sampling_like
from holter.loader.plan.foreground import ForegroundLocations
from holter.loader.plan.foreground_file import FileLocations
from holter.loader.plan.placement import bounds, place
from holter.loader.plan.planner import Generators, is_forced
from holter.loader.read_errors import FileUnreadable
from loader import data

DRAWS = 4000
LEAST_P = 1e-3  # of each of some 20 comparisons with fixed seeds
ANNOTATED = (-1, 1, 2, 3)


class NoData:
    """Enough of a data set for nnU-Net's loader to draw boxes."""

    identifiers = ("a",)


def both(
    shape: tuple[int, ...], initial: tuple[int, ...], final: tuple[int, ...], found: dict[Any, Any], forced: bool,
    ignore: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Lower corners that nnU-Net draws, and those that we draw."""
    stock = data.stock_loader(NoData(), 2, initial, final, ignore=ignore)
    np.random.seed(7)
    theirs = [stock.get_bbox(np.array(shape), forced, found)[0] for _ in range(DRAWS)]
    sampling, where = sampling_like(stock), ForegroundLocations(found)
    rng = np.random.default_rng(8)
    ours = [place(rng, sampling, shape, where, forced).region.lower for _ in range(DRAWS)]
    return np.array(theirs), np.array(ours)


def assert_alike(theirs: np.ndarray, ours: np.ndarray) -> None:
    """Each axis by Kolmogorov and Smirnov; where few corners occur, all axes together by chi-square."""
    for axis in range(theirs.shape[1]):
        assert stats.ks_2samp(theirs[:, axis], ours[:, axis]).pvalue > LEAST_P
        assert theirs[:, axis].min() >= ours[:, axis].min() - 2
        assert theirs[:, axis].max() <= ours[:, axis].max() + 2
    corners, index = np.unique(np.concatenate([theirs, ours]), axis=0, return_inverse=True)
    if 1 < len(corners) < DRAWS // 20:
        table = [np.bincount(half, minlength=len(corners)) for half in (index[:DRAWS], index[DRAWS:])]
        assert stats.chi2_contingency(table).pvalue > LEAST_P


def some(*voxels: tuple[int, int, int]) -> np.ndarray:
    return np.array([(0, *voxel) for voxel in voxels])


FOUND = {
    1: some((3, 4, 5), (39, 50, 60)),
    2: some((20, 25, 30), (20, 26, 30), (21, 25, 30), (10, 10, 10), (0, 0, 63)),
    3: [],
    (1, 2): some((5, 5, 5)),
    ANNOTATED: some((8, 8, 8), (9, 9, 9), (30, 30, 30)),
}


@pytest.mark.slow
@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("ignore", [None, 4])
@pytest.mark.parametrize(
    ("shape", "initial", "final"),
    [
        ((40, 52, 64), (24, 25, 27), (16, 16, 16)),
        ((40, 52, 64), (80, 33, 41), (48, 24, 32)),  # larger than the case along one axis
        ((40, 52, 64), (41, 53, 65), (40, 52, 64)),
        ((40, 52, 64), (33, 41), (24, 32)),  # slices
        ((1, 52, 64), (1, 60, 70), (1, 48, 56)),  # one slice
    ],
)
def test_boxes_lie_where_nnunet_puts_them(
    shape: tuple[int, ...], initial: tuple[int, ...], final: tuple[int, ...], forced: bool, ignore: int | None
) -> None:
    clipped = {
        key: [voxel for voxel in voxels if all(at < extent for at, extent in zip(voxel[1:], shape, strict=True))]
        or voxels[:0]
        for key, voxels in FOUND.items()
    }
    theirs, ours = both(shape, initial, final, {key: np.array(each) for key, each in clipped.items()}, forced, ignore)
    assert_alike(theirs, ours)


def test_without_foreground_a_forced_box_lies_anywhere() -> None:
    theirs, ours = both((40, 52, 64), (24, 25, 27), (16, 16, 16), {1: [], 2: [], ANNOTATED: []}, True, 4)
    assert_alike(theirs, ours)


def test_voxels_that_are_only_annotated_serve_where_no_class_is_there() -> None:
    theirs, ours = both((40, 52, 64), (24, 25, 27), (16, 16, 16), {1: [], ANNOTATED: FOUND[ANNOTATED]}, True)
    assert_alike(theirs, ours)


@pytest.mark.parametrize("extent", range(1, 12))
def test_the_bounds_are_nnunets_for_every_size_odd_or_even(extent: int) -> None:
    for initial, final in ((5, 4), (5, 5), (8, 3), (9, 4)):
        stock = data.stock_loader(NoData(), 2, (initial,) * 3, (final,) * 3)
        low, high = bounds(sampling_like(stock), (extent,) * 3)
        drawn = {stock.get_bbox(np.array([extent] * 3), False, None)[0][0] for _ in range(400)}
        assert drawn == set(range(low[0], high[0] + 1))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 9, 12])
@pytest.mark.parametrize("percent", [0.0, 0.33, 0.5, 0.9, 1.0])
def test_the_last_samples_of_a_batch_are_forced_as_in_nnunet(batch_size: int, percent: float) -> None:
    stock = data.stock_loader(NoData(), batch_size, (8, 8, 8), (8, 8, 8), oversample_foreground_percent=percent)
    sampling, rng = sampling_like(stock), np.random.default_rng(0)
    ours = [is_forced(sampling, slot, rng) for slot in range(batch_size)]
    assert ours == [stock.get_do_oversample(slot) for slot in range(batch_size)]


def test_probabilistic_oversampling_forces_by_chance() -> None:
    stock = data.stock_loader(
        NoData(), 2, (8, 8, 8), (8, 8, 8), oversample_foreground_percent=0.33, probabilistic_oversampling=True
    )
    rng = np.random.default_rng(0)
    hits = sum(is_forced(sampling_like(stock), 0, rng) for _ in range(DRAWS))
    assert stats.binomtest(hits, DRAWS, 0.33).pvalue > LEAST_P


# --- a plan depends on (seed, step, slot) and nothing else ------------------------------------------------------


def planner(folder: Path, seed: int = 3, stream: int = 0, **options: Any) -> Planner:
    dataset = nnUNetDatasetBlosc2(str(folder))
    sampling = sampling_like(data.stock_loader(dataset, 2, (20, 21, 22), (16, 16, 16), **options))
    return Planner(sampling, catalogue_like(dataset), data.Wandering((20, 21, 22), (16, 16, 16)), seed, stream)


def test_plans_do_not_depend_on_the_order_in_which_they_are_made(written: Path) -> None:
    first, second = (
        planner(written, oversample_foreground_percent=0.33),
        planner(written, oversample_foreground_percent=0.33),
    )
    places = [(step, slot) for step in range(20) for slot in range(2)]
    assert [first.plan(*at) for at in places] == [second.plan(*at) for at in reversed(places)][::-1]


def test_seed_stream_step_slot_and_attempt_each_change_the_numbers() -> None:
    base = (1, 2, 3, 4, 5)
    drawn = {
        tuple(Generators().at(*(value + (at == other) for at, value in enumerate(base))).random(2))
        for other in range(6)
    }
    assert len(drawn) == 6


def test_no_two_samples_share_a_number() -> None:
    drawn = [
        Generators().at(0, 0, step, slot, attempt).integers(1 << 62)
        for step in range(20)
        for slot in range(20)
        for attempt in range(5)
    ]
    assert len(set(drawn)) == 2000


def test_a_case_to_avoid_is_replaced_and_nothing_else_changes(written: Path) -> None:
    plans = planner(written)
    for step in range(40):
        with_all, without = plans.plan(step, 0), plans.plan(step, 0, {"case_001", "case_004"})
        if with_all.case in ("case_001", "case_004"):
            assert without.case not in ("case_001", "case_004")
            assert without.attempt >= 1
            assert without == plans.plan(step, 0, ["case_004", "case_001"])
        else:
            assert without == with_all


def test_every_case_is_drawn_equally_often_or_with_the_probability_that_was_asked_for(written: Path) -> None:
    weights = np.array([0.1, 0.3, 0.05, 0.15, 0.2, 0.2])
    for plans, expected in (
        (planner(written), [1 / 6] * 6),
        (planner(written, sampling_probabilities=weights), weights),
    ):
        names = [plans.plan(step, 0).case for step in range(2000)]
        counts = [names.count(f"case_{number:03d}") for number in range(6)]
        assert stats.chisquare(counts, np.array(expected) * 2000).pvalue > LEAST_P


def test_the_needed_box_is_in_coordinates_of_the_case(written: Path) -> None:
    for step in range(30):
        plan = planner(written).plan(step, 1)
        corner, _ = plan.draw
        assert plan.needed.size == (16, 16, 16)
        assert plan.needed.lower == tuple(low + more for low, more in zip(plan.initial.lower, corner, strict=True))


def test_a_slice_gets_a_first_axis_of_one(written: Path) -> None:
    dataset = nnUNetDatasetBlosc2(str(written))
    sampling = sampling_like(data.stock_loader(dataset, 2, (20, 21), (16, 16)))
    plan = Planner(sampling, catalogue_like(dataset), NoTransforms((20, 21)), 1).plan(0, 0)
    assert plan.needed.size == plan.initial.size == (1, 20, 21)


def test_where_all_cases_are_to_be_avoided_the_planner_says_so(written: Path) -> None:
    with pytest.raises(NoReadableCase, match="step 5"):
        planner(written).plan(5, 0, [f"case_{number:03d}" for number in range(6)])


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"patch_size": (8, 8)}, {"batch_size": 0}, {"patch_size": (0, 8, 8)}):
        with pytest.raises(BadInput):
            Sampling(**({"batch_size": 2, "patch_size": (8, 8, 8), "initial_patch_size": (9, 9, 9)} | wrong))  # type: ignore[arg-type]


def test_locations_are_what_the_pickle_has_and_take_less_than_a_fifth_of_its_room() -> None:
    found: dict[Any, Any] = {
        1: np.random.default_rng(0).integers(0, 500, (10_000, 4)),
        2: [],
        (1, 2): np.ones((3, 4), int),
    }
    ours = ForegroundLocations(found)
    assert ours.keys == (1, (1, 2))
    for key in ours.keys:
        assert np.array_equal(ours.of(key), found[key][:, 1:])
    assert len(ours.of(2)) == len(ours.of(9)) == 0
    assert ours.nbytes == (10_000 + 3) * 3 * 2
    assert ForegroundLocations({1: np.array([[0, 40_000, 1, 1]])}).of(1).tolist() == [[40_000, 1, 1]]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16])
def test_voxels_that_are_left_in_their_file_are_the_same(tmp_path: Path, order: Any, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    found: dict[Any, Any] = {
        key: np.asarray(rng.integers(0, 700, (count, 4)), dtype, order=order)
        for key, count in [(1, 10_000), (2, 3), ((1, 2), 9_000), (-1, 5), (4, 20_000)]
    }
    found[3] = []
    also = {
        "spacing": [1.0, 2.0],
        "origin": np.zeros(3),
        "shape": (1, 2, 3),
        "name": "x" * 90_000,
        "blob": b"y" * 90_000,
    }
    file = tmp_path / "case.pkl"
    for is_last in (False, True):
        named = {"class_locations": found}
        properties = {**also, **named} if is_last else {**named, **also}
        file.write_bytes(pickle.dumps(properties, protocol=4))
        left, held = FileLocations(file), ForegroundLocations(found)
        assert left.keys == held.keys
        assert left.nbytes < 3000
        for key in (*held.keys, 3, 9):
            assert left.count(key) == held.count(key) == len(held.of(key))
            for number in {0, left.count(key) // 2, left.count(key) - 1} if left.count(key) else ():
                assert left.voxel(key, number) == held.voxel(key, number) == held.of(key)[number].tolist()
        found = dict(reversed(found.items()))
    os.utime(file, ns=(1, 1))
    with pytest.raises(FileUnreadable, match="changed while in use"):
        left.voxel(1, 0)


def test_plans_are_the_same_with_no_memory_for_voxels_and_other_pickles_are_read_whole(cases: Path) -> None:
    names = [f"case_{number:03d}" for number in range(6)]
    sampling = Sampling(batch_size=2, patch_size=(16, 16, 16), initial_patch_size=(16, 16, 16),
                        oversample_foreground_percent=1.0)  # fmt: skip
    chain = data.Wandering((16, 16, 16), (16, 16, 16))
    large = np.random.default_rng(0).integers(0, 20, (9_000, 4))
    for number, protocol in enumerate((2, 3, 4, 4, 5, 4)):
        file = cases / f"case_{number:03d}.pkl"
        properties = pickle.loads(file.read_bytes())
        properties["class_locations"][1] = large
        file.write_bytes(pickle.dumps(properties, protocol=protocol))
    held, left = (Catalogue(cases, names, locations_budget_bytes=size) for size in (1 << 30, 0))
    plans = [Planner(sampling, catalogue, chain, 5) for catalogue in (held, left)]
    for step in range(60):
        assert plans[0].plan(step, step % 2) == plans[1].plan(step, step % 2)
    assert {type(left.locations(name)) for name in names} == {FileLocations, ForegroundLocations}
    assert type(left.locations("case_002")) is FileLocations
