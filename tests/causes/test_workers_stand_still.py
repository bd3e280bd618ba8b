"""workers-stand-still: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged

SPIN = {
    "episode.kind": "stall", "activity.present": True, "workers.stand_at": "Slow.apply (transforms.py:7)",
    "workers.stand_in": "python-loop", "wait.ratio": 1.0, "cpu.run_busy_ratio": 0.98, "workers.stopped": (),
    "cpu.allocated_ratio": 0.06, "cpu.workers_per_cpu": 3.0, "cpu.quota": 4.0, "cpu.throttled_ratio": 0.0,
    "affinity.narrowed": False, "workers.threads": 3, "workers.locked": (), "workers.blocked": (),
    "frozen.processes": (), "queue.ready": "empty",
}  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "more"),
    [
        ("few-cores-allocated", {}),
        ("cgroup-cpu-quota", {"cpu.throttled_ratio": 0.9}),
        ("thread-oversubscription", {"workers.threads": 65, "workers.running_threads": 30.0}),
        (
            "concurrent-jobs-contention",
            {"host.others_cpu_ratio": 0.6, "cpu.queue_ratio": 0.5, "cpu.run_busy_ratio": 0.4},
        ),
    ],
)
def test_workers_that_spin_in_one_place_are_the_cause_and_not_the_cpus_they_use_up(cause, more):
    found = judged(**{**SPIN, **more})
    assert (next(iter(found)), found[cause].verdict) == ("workers-stand-still", "excluded")
    moving = judged(**{**SPIN, **more, "workers.stand_at": ..., "workers.stand_in": ...})
    assert moving[cause].verdict in ("likely", "confirmed")
