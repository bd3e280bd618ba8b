"""memory-refused: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged


@pytest.mark.parametrize(("asked", "verdict"), [(8e6, "confirmed"), (..., "likely")])
def test_memory_that_was_refused_without_its_size_may_have_been_more_than_there_is(asked, verdict):
    found = judged(
        episode__kind="death", memory__refused=True, memory__asked_bytes=asked, exception__kind="memory",
        exception__first="MemoryError: ",
    )  # fmt: skip
    assert found["memory-refused"].verdict == verdict
