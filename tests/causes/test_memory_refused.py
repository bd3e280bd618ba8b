"""memory-refused: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged


@pytest.mark.parametrize(
    ("asked", "first", "verdict"),
    [
        (8e6, "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.63 MiB for an array", "confirmed"),
        (
            8e6,
            "RuntimeError: DefaultCPUAllocator: can't allocate memory: tried to allocate 8000000 bytes",
            "confirmed",
        ),
        (..., "OSError: [Errno 12] Cannot allocate memory", "likely"),
        (..., "RuntimeError: std::bad_alloc", "likely"),
        (..., "MemoryError: ", "possible"),  # of Python, or of any code that raises one
        (..., "MemoryError: the case is too big for me", "possible"),
    ],
)
def test_only_an_allocators_own_words_say_that_it_refused(asked, first, verdict):
    """Without its size it may have been more than there is."""
    found = judged(
        episode__kind="death", memory__refused=True, memory__asked_bytes=asked, exception__kind="memory",
        exception__first=first,
    )  # fmt: skip
    assert found["memory-refused"].verdict == verdict
