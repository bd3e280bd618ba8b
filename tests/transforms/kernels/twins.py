"""A chain in the compiled kernels beside its twin in torch, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from holter.transforms import Chain
from holter.transforms.kernels import Bound, program_of
from transforms.kernels.sets import all_kernels


def twin_of(chain: Chain) -> Chain:
    """The same chain, all of it in torch."""
    twin = replace(chain)
    vars(twin)["compiled"] = None
    return twin


def compiled(chain: Chain, images: Any, segs: Any, draws: Any) -> dict[str, tuple[torch.Tensor, list[torch.Tensor]]]:
    """Image and targets of each instruction set."""
    done = {}
    for name, kernels in all_kernels().items():
        program = program_of(chain.steps, chain.geometry, kernels)
        assert program is not None
        assert program.is_whole
        image, targets = memory = program.empty(len(images), len(images[0]), len(segs[0]))
        for tensor in (image, *targets):
            tensor.fill_(99)
        boxes = [chain.needed_box(draw) for draw in draws]
        Bound(program, *memory).write(images, segs, [draw.draws for draw in draws], boxes)
        done[name] = memory
    return done


def compare(chain: Chain, images: Any, segs: Any, draws: Any, tolerance: float) -> None:
    wanted = twin_of(chain).apply(images, segs, draws, device="cpu")
    targets = wanted.target if isinstance(wanted.target, list) else [wanted.target]
    for name, (image, made) in compiled(chain, images, segs, draws).items():
        for ours, theirs in zip(made, targets, strict=True):
            assert torch.equal(ours, theirs), name
            assert ours.dtype == theirs.dtype
        assert (image - wanted.image).abs().max() <= tolerance * wanted.image.abs().max().clamp(min=1), name
