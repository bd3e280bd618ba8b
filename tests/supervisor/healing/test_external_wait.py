"""An ended training is started again when what its cause waits for is over."""

from __future__ import annotations

import pytest

from holter.records import GpuProcess, GpuSample, Plan, StorageSample, Tick
from holter.remedies.ladder import OUTSIDE_RUNG
from holter.supervisor.healing.external_wait import ExternalWait

OTHER = GpuProcess(pid=815, name="python", memory_bytes=9 << 30, ours=False)
SHARED = GpuSample(t_s=0.0, index=0, memory_used_bytes=9 << 30, processes=(OTHER,))
FREE = GpuSample(t_s=0.0, index=0, memory_used_bytes=0, processes=())
FULL = StorageSample(t_s=0.0, label="results", path="/r", free_bytes=0, total_bytes=1 << 40, read_only=False)


@pytest.mark.parametrize(
    ("cause", "seen", "waited_s", "expected"),
    [
        ("gpu-shared-or-zombie", SHARED, 119.0, False),
        ("gpu-shared-or-zombie", SHARED, 120.0, True),  # they were there before: the shortage may be over
        ("gpu-shared-or-zombie", FREE, 12.0, True),
        ("disk-full-or-quota", FULL, 1200.0, False),
        ("disk-full-or-quota", None, 119.0, False),  # not read: by the delay
        ("disk-full-or-quota", None, 120.0, True),
        ("external-kill", FULL, 120.0, True),  # a cause that waits for nothing
    ],
)
def test_a_restart_waits_for_the_condition_of_its_cause(
    cause: str, seen: GpuSample | StorageSample | None, waited_s: float, expected: bool
) -> None:
    waiting = ExternalWait(lambda _: None)
    gpus, storage = ((seen,) if isinstance(seen, kind) else () for kind in (GpuSample, StorageSample))
    waiting.update(Tick(t_s=0.0, gpus=gpus, storage=storage))
    plan = Plan(action="restart", cause=cause, rung=OUTSIDE_RUNG, delay_s=120.0)
    assert waiting.may_go_on(plan, waited_s, waited_s) is expected
