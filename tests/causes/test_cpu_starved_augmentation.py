"""cpu-starved-augmentation: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.circumstances import NOBODY_DIED
from causes.judge import confirmed, judged


def test_starved_on_all_cpus_is_augmentation():
    found = judged(
        episode__kind="slow-down", cpu__allocated_ratio=1.0, cpu__workers_per_cpu=1.0, cpu__run_busy_ratio=0.95,
        wait__ratio=0.7, queue__ready="empty", workers__working=12, workers__stopped=(), workers__blocked=(),
        activity__present=True, cpu__throttled_ratio=..., cpu__quota=..., pressure__cpu=0.3, **NOBODY_DIED,
    )  # fmt: skip
    assert found["cpu-starved-augmentation"].verdict == "confirmed"
    assert confirmed(found) == ["cpu-starved-augmentation"]
