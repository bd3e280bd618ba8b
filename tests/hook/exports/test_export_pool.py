"""Real worker processes, really killed: every result comes, and from where it was said to come."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import export_jobs as jobs
import pytest

from holter.hook.exports import pool as exports_pool
from holter.hook.exports.pool import ExportPool
from holter.hook.runtime import RUNTIME
from needs import imported
from said import said

pytestmark = pytest.mark.slow
WITHIN_S = 60
MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def told(tmp_path, monkeypatch):
    """The actions told to the supervisor, as (state, text)."""
    monkeypatch.setattr(RUNTIME, "scratch", str(tmp_path))

    def read():
        lines = [json.loads(line) for path in tmp_path.glob("events-*") for line in path.read_text().splitlines()]
        assert [line for line in lines if line["kind"] == "note" and line["what"] == "hook-failed"] == []
        return [(line["state"], said(line)) for line in lines if line["kind"] == "action"]

    return read


@pytest.fixture
def pool(told):
    with ExportPool(2, lambda: multiprocessing.get_context("spawn").Pool(1)) as pool:
        yield pool
    assert pool._workers == []


def in_hand(folder: Path, case: str, attempt: int = 1) -> int:
    """The process that makes this attempt at the case."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found = sorted(folder.glob(f"{case}-*"), key=lambda path: path.stat().st_mtime_ns)
        if len(found) >= attempt:
            return int(found[attempt - 1].name.rpartition("-")[2])
        time.sleep(0.02)
    raise AssertionError(f"nobody made attempt {attempt} at {case}")


def submit(pool, folder: Path, **deaths: int):
    return [
        pool.starmap_async(jobs.compute_metrics, ((str(folder), f"/results/{case}", n),)) for case, n in deaths.items()
    ]


def test_it_answers_like_a_pool_of_multiprocessing(pool, told):
    assert pool.starmap(jobs.square, [(3,), (4,)]) == [9, 16]
    assert pool.apply_async(jobs.square, (5,)).get(WITHIN_S) == 25
    assert pool.starmap_async(jobs.square, ()).get() == []
    failed = pool.starmap_async(jobs.square, [(1,), (-2,)])
    with pytest.raises(ValueError, match="-2 is negative"):
        failed.get(WITHIN_S)
    assert failed.ready() and not failed.successful()
    with pytest.raises(multiprocessing.TimeoutError):
        pool.apply_async(jobs.square, (1, 5.0)).get(0.2)
    assert told() == []


def test_methods_that_nnunet_does_not_use_are_those_of_a_stock_pool(pool):
    assert pool.map(jobs.square, [1, 2]) == [1, 4]
    with pytest.raises(AttributeError):
        pool.no_such_method  # noqa: B018


def test_a_case_whose_worker_is_killed_is_computed_in_a_process_of_its_own(pool, told, tmp_path):
    results = submit(pool, tmp_path, brain_1=1, brain_2=0, brain_3=0)
    killed = in_hand(tmp_path, "brain_1")
    os.kill(killed, signal.SIGKILL)
    (first,), *others = [result.get(WITHIN_S) for result in results]
    assert first[0] == "brain_1" and first[1] not in (killed, os.getpid())
    assert [other[0][0] for other in others] == ["brain_2", "brain_3"]
    begun, done = told()
    trouble = f"case brain_1: its export worker (PID {killed}) ended (SIGKILL)"
    assert begun == ("begun", f"{trouble}; to be computed again in a process of its own")
    assert done[0] == "done" and done[1].startswith(f"{trouble}; computed again in a process of its own, ")


def test_a_case_that_costs_two_workers_is_computed_by_the_process_that_asks(pool, told, tmp_path):
    (result,) = submit(pool, tmp_path, brain_1=2)
    for attempt in (1, 2):
        os.kill(in_hand(tmp_path, "brain_1", attempt), signal.SIGKILL)
    assert result.get(WITHIN_S) == [("brain_1", os.getpid())]
    assert [state for state, _ in told()] == ["begun", "begun", "done"]
    assert "computed again in the main process" in told()[-1][1]


def test_polling_alone_gets_such_a_case_done(pool, tmp_path):
    """nnU-Net polls while it has predicted enough ahead, and asks for results only after the last case."""
    (result,) = submit(pool, tmp_path, brain_1=2)
    for attempt in (1, 2):
        os.kill(in_hand(tmp_path, "brain_1", attempt), signal.SIGKILL)
    until = time.monotonic() + WITHIN_S
    while not result.ready():
        assert time.monotonic() < until
        time.sleep(0.05)
    assert result.get() == [("brain_1", os.getpid())]


def test_all_workers_may_be_killed(pool, tmp_path):
    results = submit(pool, tmp_path, brain_1=1, brain_2=1, brain_3=0)
    for pid in [in_hand(tmp_path, case) for case in ("brain_1", "brain_2")]:
        os.kill(pid, signal.SIGKILL)
    assert [result.get(WITHIN_S)[0][0] for result in results] == ["brain_1", "brain_2", "brain_3"]


@pytest.mark.parametrize("killed", [1, 2])
def test_workers_killed_before_they_have_a_case_are_not_missed(pool, told, tmp_path, killed):
    """In a stock pool the one that waits for work holds the lock that the others need."""
    assert pool.starmap(jobs.square, [(1,), (2,)]) == [1, 4]  # both are up, or nearly
    before = list(pool._pool)
    for worker in before[:killed]:
        os.kill(worker.pid, signal.SIGKILL)
    assert [result.get(WITHIN_S)[0][0] for result in submit(pool, tmp_path, a=0, b=0, c=0)] == ["a", "b", "c"]
    assert all(worker.is_alive() for worker in before)


def test_nnunet_does_not_give_up_for_a_dead_worker(pool, tmp_path):
    slots = imported("nnunetv2.utilities.file_path_utilities")
    workers = list(pool._pool)
    results = submit(pool, tmp_path, brain_1=1, brain_2=0)
    os.kill(in_hand(tmp_path, "brain_1"), signal.SIGKILL)
    assert [result.get(WITHIN_S)[0][0] for result in results] == ["brain_1", "brain_2"]
    assert slots.check_workers_alive_and_busy(pool, workers, results, allowed_num_queued=2) is False
    assert len(pool._pool) == 1  # fewer at once, where one has met its end


def test_a_worker_that_is_stopped_does_not_hold_up_its_case(pool, told, tmp_path, monkeypatch):
    monkeypatch.setattr(exports_pool, "STUCK_S", 2.0)
    (result,) = submit(pool, tmp_path, brain_1=1)
    os.kill(in_hand(tmp_path, "brain_1"), signal.SIGSTOP)
    assert result.get(WITHIN_S)[0][0] == "brain_1"
    assert "did nothing for " in told()[0][1]


def test_a_stopped_worker_does_not_hold_up_the_end(told, monkeypatch):
    monkeypatch.setattr(exports_pool, "END_S", 1.0)
    began = time.monotonic()
    with ExportPool(1, lambda: None) as pool:
        pid = pool._pool[0].pid
        os.kill(pid, signal.SIGSTOP)
    assert time.monotonic() - began < 30
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_fails_for_lack_of_memory_is_tried_again_alone(pool, told, tmp_path):
    results = [pool.apply_async(jobs.take_memory_once, (str(tmp_path), number)) for number in (1, 2)]
    assert [result.get(WITHIN_S) for result in results] == [1, 2]
    assert [state for state, _ in told()] == ["begun", "done"]


def test_what_cannot_be_handed_over_is_computed_here(told, tmp_path):
    """Predictions travel through shared memory, of which a container may have little."""
    with ExportPool(1, lambda: None) as pool:
        assert pool.apply_async(jobs.size_of, (jobs.Unpicklable(),)).get(WITHIN_S) == os.getpid()
    states = [json.loads(line) for path in tmp_path.glob("events-*") for line in path.read_text().splitlines()]
    assert [line["state"] for line in states if line["kind"] == "action"] == ["begun", "done"]


def test_where_no_process_can_be_started_all_is_computed_here(told):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 2, hard))  # noqa: PTH208
    try:
        with ExportPool(2, lambda: None) as pool:
            assert [pool.starmap(jobs.square, [(number,)]) for number in (2, 3)] == [[4], [9]]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def memory_group(limit_bytes: int):
    group = MEMORY_GROUPS / f"holter-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(limit_bytes))
    except OSError:
        pytest.skip("no memory control group can be made here")
    try:
        yield group
    finally:
        until = time.monotonic() + 10
        while (group / "cgroup.procs").read_text() and time.monotonic() < until:
            time.sleep(0.05)  # multiprocessing's helpers end after the program
        group.rmdir()


def test_exports_that_do_not_fit_side_by_side_are_survived(tmp_path):
    """Two of them exceed the limit: the kernel kills one, which is computed when it is alone."""
    with memory_group(420 << 20) as group:
        environment = os.environ | {"HOLTER_SCRATCH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, jobs.__file__, str(tmp_path / "out"), "250"],
            env=environment,
            preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())),
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        kills = (group / "memory.oom_control").read_text()
    assert json.loads((tmp_path / "out").read_text()) == [250, 250, 250]
    assert "oom_kill 0" not in kills
