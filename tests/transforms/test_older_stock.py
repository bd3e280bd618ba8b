"""What batchgeneratorsv2 did until 0.3.5, written down here: its wheels are compared in tests/trainer/auto."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from holter.transforms import Geometry
from holter.transforms.chain import Chain, SampleDraw
from holter.transforms.resample.portable import resample as resample_portable
from holter.transforms.spatial import spatial
from holter.transforms.spatial.placement import Placement
from holter.transforms.spatial.spatial import Spatial, SpatialDraw, rotates_by_transpose
from transforms.material import noisy_image, part, speckled, voronoi
from transforms.spatial.test_spatial import GEOMETRIES, chain_for

pytestmark = pytest.mark.usefixtures("both_ways")
PAD = -1


def older(seg: Tensor, grid: Tensor, mode: str) -> Tensor:
    """Return the labels (*patch) of one channel: the highest score in float16, the lowest label in a tie."""
    if mode == "nearest":
        chosen = grid_sample(seg[None, None].float(), grid[None], mode=mode, align_corners=False)[0, 0].to(seg.dtype)
    else:
        labels = seg.unique()
        of_each = [(seg == label).float()[None, None] * 1000 for label in labels]
        scores = [grid_sample(each, grid[None], align_corners=False)[0, 0].to(torch.float16) for each in of_each]
        chosen = labels[torch.stack(scores).argmax(0)]
    size = grid.new_tensor(seg.shape)  # not in the order of the grid's columns
    return chosen.masked_fill(((grid < -1 + 1 / size) | (grid > 1 - 1 / size)).any(-1), PAD)


def grid_of(step: Spatial, draw: SpatialDraw, source: tuple[int, ...]) -> Tensor:
    lines = [torch.linspace((1 - size) / 2, (size - 1) / 2, size) for size in step.patch]
    points = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1)
    matrix = np.array(draw.affine())
    grid = torch.matmul(points, torch.from_numpy(matrix if step.transposed else matrix.T).float())
    return torch.flip(grid / torch.tensor([size / 2 for size in source]), (-1,))


def older_chain(patch: tuple[int, ...], initial: tuple[int, ...], mode: str, *, transposed: bool) -> Chain:
    _, chain = chain_for(patch, initial, mode_seg=mode)
    step = chain.steps[0]
    assert isinstance(step, Spatial)
    step = replace(step, how=replace(step.how, cuts=True), transposed=transposed)
    return Chain(Geometry(patch, initial), (step,), chain.mapping)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [voronoi, speckled])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(("patch", "initial"), [*GEOMETRIES, ((16, 20, 24), (17, 21, 25)), ((9, 24, 20), (12, 25, 23))])
def test_labels_are_those_of_older_versions(patch, initial, mode, transposed, kind) -> None:
    chain = older_chain(patch, initial, mode, transposed=transposed)
    step = chain.steps[0]
    for labels in (1, 2, 7):
        seg = kind(initial, labels, labels)[None]
        ties = SampleDraw((SpatialDraw(None, (1.0,) * len(patch)),))  # where sizes differ by an odd number
        for draw in (chain.draw(np.random.default_rng(labels), 1), ties):
            image = noisy_image(initial, 1, labels)
            got = chain.apply([part(image, chain, draw)], [part(seg, chain, draw)], [draw], device="cpu")
            grid = grid_of(step, draw.draws[0], initial)
            right = older(seg[0], grid, mode)
            assert torch.equal(got.target[0, 0], right.to(torch.int16))
            assert (got.image[0] - grid_sample(image[None], grid[None], align_corners=False)[0]).abs().max() <= 1e-5


def test_gathers_give_the_labels_of_older_versions() -> None:
    patch, initial = (9, 24, 20), (12, 25, 23)
    chain = older_chain(patch, initial, "bilinear", transposed=False)
    step = chain.steps[0]
    for seed in range(4):
        draw = chain.draw(np.random.default_rng(seed), 1)
        seg, image = speckled(initial, 4, seed)[None], noisy_image(initial, 1, seed)
        affine = step.affine(draw.draws[0])
        into = (torch.empty((1, *patch)), torch.empty((1, *patch), dtype=torch.int16))
        place = Placement(initial, chain.needed_box(draw).lower, patch, affine)
        resample_portable(part(image, chain, draw), part(seg, chain, draw), place, step.how, into)
        assert torch.equal(into[1][0], older(seg[0], grid_of(step, draw.draws[0], initial), "bilinear").to(torch.int16))


def test_the_direction_of_a_rotation_is_tried() -> None:
    """0.3.4 turned it round; the version is not asked."""
    stock, _ = chain_for((8, 8), (10, 10))

    class TurnedRound(type(stock)):  # type: ignore[misc]
        def get_parameters(self, **sample):
            given = super().get_parameters(**sample)
            return {**given, "grid": given["grid"].transpose(0, 1).flip(-1).contiguous()}

    class Neither(type(stock)):  # type: ignore[misc]
        def get_parameters(self, **sample):
            given = super().get_parameters(**sample)
            return {**given, "grid": given["grid"] + 0.1}

    before = np.random.get_state()[1].tolist()
    assert [rotates_by_transpose(kind) for kind in (type(stock), TurnedRound, Neither)] == [False, True, None]
    assert np.random.get_state()[1].tolist() == before


def test_what_an_older_version_does_in_another_way_stays_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    stock, _ = chain_for((8, 8), (10, 10))
    del stock.seg_tiebreak
    assert spatial.read(stock, folded=False).how.cuts
    for name, value in {"bg_style_seg_sampling": True, "border_mode_seg": "zeros", "padding_value_seg": 0}.items():
        with monkeypatch.context() as patched:
            patched.setattr(stock, name, value)
            assert spatial.read(stock, folded=False) is None
