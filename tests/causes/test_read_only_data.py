"""read-only-data: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged


@pytest.mark.parametrize(("workers", "verdict"), [(12, "possible"), (0, "confirmed")])
def test_a_crash_of_main_is_of_read_only_data_only_where_main_transforms_them(workers, verdict):
    found = judged(
        episode__kind="death",
        data__read_only=True,
        main__exit_signal=11,
        worker__exit_signal=...,
        workers__count=workers,
    )
    assert found["read-only-data"].verdict == verdict
