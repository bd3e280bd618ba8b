"""Small tensors are quicker with one thread; and whole chains run both compiled and in torch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from holter.transforms import chain
from needs import missing
from transforms.kernels.sets import all_kernels


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["compiled", "torch"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains that are made in the test run in this way on the CPU."""
    best = None
    if request.param == "compiled":
        best = next(iter(all_kernels().values()), None)
        if best is None:  # with a compiler they must compile
            lacking = missing("c++")
            assert lacking is not None
            pytest.skip(lacking)
    monkeypatch.setattr(chain, "kernels", lambda: best)
