"""How far the fused kernel is from the sampler of the CPU: on the GPU, or in Triton's interpreter.

Triton decides when it is imported whether it interprets, and torch imports it: so this is a program of its own, to be
started with TRITON_INTERPRET=1 where there is no GPU. It prints a line of JSON for each case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import torch

from holter.transforms.resample import cpu, triton_kernel
from holter.transforms.spatial.placement import How
from transforms.material import noisy_image, part, speckled, voronoi
from transforms.spatial.test_spatial import GEOMETRIES, chain_for, placed

ON_GPU = torch.cuda.is_available()
# The interpreter takes a second for 256 voxels: one or two such blocks of each shape.
SMALL = [((7, 9, 8), (12, 16, 13)), ((1, 14, 15), (1, 22, 21)), ((14, 12), (18, 17)), ((33, 1), (39, 5))]
MODES = [("bilinear", "bilinear"), ("bilinear", "nearest"), ("nearest", "nearest")]
SEEDS = 2


def differences(
    patch: tuple[int, ...], initial: tuple[int, ...], modes: tuple[str, str], seed: int
) -> tuple[float, float]:
    """The largest difference of the image, and the share of labels that differ."""
    _, chain = chain_for(patch, initial)
    draw = chain.draw(np.random.default_rng(seed), 1)
    image = part(noisy_image(initial, 2, seed), chain, draw)
    seg = part(torch.stack([speckled(initial, 3, seed), voronoi(initial, 1, seed)]), chain, draw)
    results = []
    for way, device in (cpu.resample, "cpu"), (triton_kernel.resample, "cuda" if ON_GPU else "cpu"):
        into = torch.empty((2, *patch), device=device), torch.empty((2, *patch), dtype=torch.int16, device=device)
        way(image.to(device), seg.to(device), placed(patch, initial, seed), How(*modes, -1), into)
        results.append([tensor.cpu() for tensor in into])
    (image_cpu, seg_cpu), (image_fused, seg_fused) = results
    return (image_cpu - image_fused).abs().max().item(), (seg_cpu != seg_fused).float().mean().item()


def cases() -> Iterator[dict[str, object]]:
    """Every shape in every mode."""
    for patch, initial in GEOMETRIES if ON_GPU else SMALL:
        for modes in MODES:
            for seed in range(SEEDS):
                image, labels = differences(patch, initial, modes, seed)
                yield {"patch": patch, "modes": modes, "image": image, "labels": labels, "on_gpu": ON_GPU}


if __name__ == "__main__":
    for case in cases():
        print(json.dumps(case), flush=True)
