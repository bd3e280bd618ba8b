"""Is what we wait for over? Yes, no, or nobody can tell."""

from __future__ import annotations

from typing import get_args

import pytest

from holter.evidence.disk_space import has_space, needed_bytes
from holter.evidence.outside import CONDITIONS, ConditionName, Outside
from holter.records import ActionTaken, ExceptionSeen, GpuProcess, GpuSample, StorageSample, Tick
from holter.remedies.ladder import WAIT_FOR

OURS, THEIRS = 4711, 815
MB, GIB = 10**6, 2**30


def results(**room: object) -> StorageSample:
    usual = {
        "path": "/data/results", "free_bytes": 900 * MB, "total_bytes": 1000 * MB, "read_only": False,
        "checkpoint_bytes": 300 * MB,
    }  # fmt: skip
    return StorageSample(t_s=0.0, label="results", **{**usual, **room})


def gpu(index: int = 0, **what: object) -> GpuSample:
    ours = GpuProcess(pid=OURS, name="python", memory_bytes=9 * GIB, ours=True)
    usual = {
        "memory_used_bytes": 9 * GIB, "sm_clock_mhz": 1395, "sm_clock_max_mhz": 1410,
        "clock_reasons": ("sw-power-cap",), "processes": (ours,),
    }  # fmt: skip
    return GpuSample(t_s=0.0, index=index, **{**usual, **what})


def clear(
    condition: ConditionName, *samples: StorageSample | GpuSample, events: tuple[ActionTaken | ExceptionSeen, ...] = ()
) -> bool | None:
    outside = Outside()
    storage = tuple(worker for worker in samples if isinstance(worker, StorageSample))
    gpus = tuple(worker for worker in samples if isinstance(worker, GpuSample))
    outside.see(Tick(t_s=1.0, storage=storage, gpus=gpus, events=events))
    return outside.is_clear(condition)


def test_every_condition_is_one_that_a_cause_waits_for() -> None:
    assert {wait.condition for wait in WAIT_FOR.values()} == set(CONDITIONS) == set(get_args(ConditionName))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_where_nothing_was_read_nothing_is_said(condition: ConditionName) -> None:
    outside = Outside()
    outside.see(Tick(t_s=1.0))
    assert outside.is_clear(condition) is None
    assert outside.clear_s(condition, 100.0) is None


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        ({}, True),
        ({"free_bytes": 200 * MB}, False),  # a checkpoint of 300 MB would not fit
        ({"free_bytes": 200 * MB, "checkpoint_bytes": None}, True),
        ({"free_inodes": 0}, False),
        ({"read_only": True}, False),
        ({"free_bytes": None, "read_only": None, "probe_pending_s": 9.0}, None),
        ({"problem": "PermissionError: …"}, None),
    ],
)
def test_room_is_room_for_a_checkpoint(room: dict[str, object], expected: bool | None) -> None:
    assert has_space(results(**room)) is expected
    assert clear("room", results(**room)) is expected


FULL_TMP = StorageSample(t_s=0.0, label="tmp", path="/tmp", free_bytes=0, read_only=False)


def raised(message: str) -> ExceptionSeen:
    return ExceptionSeen(t_s=1.0, pid=OURS, error="OSError", message=message)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((), True),  # nobody needed it
        ((raised("[Errno 28] No space left on device: '/tmp/torch_x/y'"),), False),
        ((raised("[Errno 28] No space left on device: '/data/results/plot.png'"),), True),
        ((raised("[Errno 28] No space left on device"),), False),  # results had room all the time
        ((raised("[Errno 2] No such file or directory: '/tmp/x'"),), True),
    ],
)
def test_a_full_temporary_folder_counts_where_a_write_failed_in_it(told, expected: bool) -> None:
    assert clear("room", results(), FULL_TMP, events=told) is expected


def test_results_below_the_temporary_folder_are_not_taken_for_it() -> None:
    told = (raised("[Errno 28] No space left on device: '/tmp/results/plot.png'"),)
    assert clear("room", results(path="/tmp/results"), FULL_TMP, events=told) is True


def test_an_error_without_a_name_is_laid_to_the_results_if_they_ever_lacked_room() -> None:
    outside = Outside()
    told = (raised("[Errno 28] No space left on device"),)
    outside.see(Tick(t_s=1.0, storage=(results(free_bytes=0), FULL_TMP), events=told))
    assert outside.is_clear("room") is False
    outside.see(Tick(t_s=11.0, storage=(results(), FULL_TMP)))
    assert outside.is_clear("room") is True


def test_a_quota_does_not_show_in_free_bytes() -> None:
    def saving(state: str, text: str) -> ActionTaken:
        return ActionTaken(t_s=1.0, action="save-checkpoint", state=state, text=text, source="hook")

    failed = saving("failed", "epoch 2 in checkpoint_latest.pth: Disk quota exceeded; there is no older one")
    assert clear("room", results(), events=(failed,)) is None
    assert clear("room", results(), events=(failed, saving("done", "checkpoint_latest.pth"))) is True


@pytest.mark.parametrize(
    ("look", "expected"),
    [({"read_latency_s": 0.01}, True), ({"read_latency_s": 2.0}, False), ({"probe_pending_s": 40.0}, False)],
)
def test_storage_answers_when_small_reads_come_back_quickly(look: dict[str, object], expected: bool) -> None:
    assert clear("storage-answers", results(**look)) is expected


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({}, True),  # the power cap at full clock is what a busy GPU shows
        ({"clock_reasons": ("hw-thermal-slowdown",)}, False),
        ({"clock_reasons": ("hw-power-brake-slowdown",)}, False),
        ({"sm_clock_mhz": 600}, False),
        ({"sm_clock_mhz": 210, "clock_reasons": ("gpu-idle",)}, True),
        ({"clock_reasons": None}, None),
    ],
)
def test_the_clock_is_free_when_no_reason_holds_it_down(reading: dict[str, object], expected: bool | None) -> None:
    assert clear("full-clock", gpu(**reading)) is expected


def others(memory: int | None, name: str | None = "python") -> tuple[GpuProcess, ...]:
    return (*gpu().processes, GpuProcess(pid=THEIRS, name=name, memory_bytes=memory))


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({}, True),
        ({"processes": others(20 * GIB)}, False),
        ({"processes": others(None)}, False),
        ({"processes": others(12 * 2**20)}, True),  # a display
        ({"processes": others(20 * GIB, name=None)}, True),  # of another PID namespace: it may be our own
        ({"memory_used_bytes": 30 * GIB}, False),  # held by nobody who is listed
        ({"processes": None}, None),
    ],
)
def test_the_gpu_is_ours_when_nobody_else_computes_on_it(reading: dict[str, object], expected: bool | None) -> None:
    assert clear("gpu-alone", gpu(**reading)) is expected


def test_who_is_on_another_gpu_is_no_matter() -> None:
    other = gpu(1, processes=(GpuProcess(pid=THEIRS, name="python", memory_bytes=30 * GIB),))
    assert clear("gpu-alone", gpu(0), other) is True


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("licensed", True), ("unlicensed-unrestricted", True), ("unlicensed-restricted", False), ("unknown", None)],
)
def test_a_vgpu_is_well_when_licensed(stage: str, expected: bool | None) -> None:
    assert clear("licensed", gpu(licence_stage=stage)) is expected


def test_how_long_it_has_been_over_is_counted_from_the_first_reading_and_begins_anew() -> None:
    outside = Outside()
    for t_s, free in ((10.0, 0), (20.0, 900 * MB), (30.0, 900 * MB), (40.0, 0), (50.0, 900 * MB)):
        outside.see(Tick(t_s=t_s, storage=(results(free_bytes=free),)))
        if t_s == 30.0:
            assert outside.clear_s("room", 35.0) == 15.0
    assert outside.clear_s("room", 55.0) == 5.0


def test_a_checkpoint_needs_room_for_what_is_written_beside_it() -> None:
    assert needed_bytes(results()) > 300 * MB
