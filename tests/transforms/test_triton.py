"""The fused kernel against the CPU: on a GPU, or in Triton's interpreter where TRITON_INTERPRET=1 asks for it."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from holter.transforms import resample_cpu
from holter.transforms.placement import How
from transforms.material import noisy_image, part, speckled, voronoi
from transforms.test_spatial import GEOMETRIES, chain_for, placed

pytest.importorskip("triton", reason="Triton is not installed")
if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("no GPU; TRITON_INTERPRET=1 runs the kernel in Python (minutes)", allow_module_level=True)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize(("patch", "initial"), GEOMETRIES)
@pytest.mark.parametrize("modes", [("bilinear", "bilinear"), ("bilinear", "nearest"), ("nearest", "nearest")])
def test_the_fused_kernel_equals_the_sampler_of_the_cpu(
    patch: tuple[int, ...], initial: tuple[int, ...], modes: tuple[str, str]
) -> None:
    from holter.transforms import resample_triton

    how = How(*modes, -1)
    for seed in range(2):
        _, chain = chain_for(patch, initial)
        draw = chain.draw(np.random.default_rng(seed), 1)
        place = placed(patch, initial, seed)
        image = part(noisy_image(initial, 2, seed), chain, draw)
        seg = part(torch.stack([speckled(initial, 3, seed), voronoi(initial, 1, seed)]), chain, draw)
        results = []
        for way, device in ((resample_cpu.resample, "cpu"), (resample_triton.resample, DEVICE)):
            into = torch.empty((2, *patch), device=device), torch.empty((2, *patch), dtype=torch.int16, device=device)
            way(image.to(device), seg.to(device), place, how, into)
            results.append([one.cpu() for one in into])
        different = (results[0][1] != results[1][1]).float().mean()
        # the interpreter rounds a fused multiply-add twice, which can tip a vote
        assert different == 0 if DEVICE == "cuda" else different < 1e-3
        if modes[0] == "bilinear":
            assert (results[0][0] - results[1][0]).abs().max() <= 1e-4
