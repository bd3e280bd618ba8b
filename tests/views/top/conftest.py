"""No terminal, and no program in one, outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.views.top import STARTED


@pytest.fixture(autouse=True)
def _end_terminals() -> Iterator[None]:
    yield
    while STARTED:
        STARTED.pop().end()
