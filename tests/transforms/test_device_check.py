"""A device is tried before a training counts on it: one that cannot resample, or does it wrongly, is named."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from holter.transforms.device_check import why_unusable
from holter.transforms.resample import cpu, portable


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("way", [cpu.resample, portable.resample])
def test_a_device_that_resamples_as_the_cpu_does_is_usable(axes: int, way: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("holter.transforms.device_check.resampler_for", lambda _: way)
    assert why_unusable("cpu", axes) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_named() -> None:
    assert "CUDA" in str(why_unusable("cuda:0", 3)) or "NVIDIA" in str(why_unusable("cuda:0", 3))


@pytest.mark.parametrize(("which", "told"), [(0, "image differs"), (1, "segmentation differs")])
def test_a_kernel_that_gives_something_else_is_named(which: int, told: str, monkeypatch: Any) -> None:
    """Only the first of two calls, which is the device's, is wrong by one voxel in eight."""
    calls: list[int] = []

    def wrong(image: Any, seg: Any, place: Any, how: Any, into: Any) -> None:
        cpu.resample(image, seg, place, how, into)
        if not calls:
            into[which][..., : into[which].shape[-1] // 8 + 1] += 1
        calls.append(1)

    monkeypatch.setattr("holter.transforms.device_check.resampler_for", lambda _: wrong)
    assert told in str(why_unusable("cpu", 3))
