from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.probes.machine.cgroup import CgroupProbe, parse_cpu_max
from holter.records import CgroupSample

WORLDS = Path(__file__).parents[1] / "worlds"
V1 = Path("/sys/fs/cgroup")


def _look(world: str) -> CgroupSample:
    return _one(CgroupProbe(4711, WORLDS / world / "proc", WORLDS / world / "cgroup"))


def _one(probe: CgroupProbe) -> CgroupSample:
    (sample,) = probe.read(1.0).samples
    assert isinstance(sample, CgroupSample)
    return sample


def test_v1_limits_of_an_outer_group_hold_for_the_step_inside() -> None:
    sample = _look("cgroup-v1")
    assert (sample.version, sample.path) == ("v1", "/slurm/uid_1000/job_7/step_0")
    assert (sample.cpu_quota_cpus, sample.cpuset_cpus, sample.affinity_cpus) == (4.0, 12, 16)
    assert sample.effective_cpus == 4.0
    assert (sample.cpu_periods_total, sample.cpu_throttled_periods_total) == (1000, 250)
    assert sample.cpu_throttled_s_total == 12.5
    assert (sample.memory_limit_bytes, sample.memory_used_bytes) == (64 << 30, 32 << 30)
    assert sample.memory_file_bytes == 10 << 30  # cache without shared memory
    assert (sample.pids_limit, sample.pids_used) == (None, 40)


def test_v1_kills_are_those_of_the_own_group_and_its_fail_count_is_no_lack_of_memory() -> None:
    sample = _look("cgroup-v1")
    assert (sample.oom_kill_total, sample.oom_total) == (1, None)


def test_a_process_that_has_ended_keeps_the_group_in_which_it_ran(tmp_path: Path) -> None:
    """With version 1 the kernel puts a process in the root group before its parent has collected it."""
    shutil.copytree(WORLDS / "cgroup-v1", tmp_path, dirs_exist_ok=True)
    process = tmp_path / "proc/4711"
    probe = CgroupProbe(4711, tmp_path / "proc", tmp_path / "cgroup")
    before = _one(probe)
    (process / "status").write_text("Name:\tpython\nState:\tZ (zombie)\nCpus_allowed_list:\t0-1\n")
    (process / "cgroup").write_text("".join(f"{line.rsplit(':', 1)[0]}:/\n" for line in _lines(process / "cgroup")))
    assert _one(probe) == before
    (process / "status").write_text("Name:\tpython\nState:\tS (sleeping)\n")
    assert _one(probe).path == "/"


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_v2_without_limits_says_none_and_still_tells_the_use() -> None:
    sample = _look("cgroup-v2")
    assert (sample.version, sample.cpu_quota_cpus, sample.memory_limit_bytes) == ("v2", None, None)
    assert sample.memory_used_bytes == 5 << 30
    assert sample.memory_file_bytes == 1 << 30
    assert (sample.oom_total, sample.oom_kill_total) == (0, 0)
    assert (sample.cpuset_cpus, sample.effective_cpus) == (8, 8.0)
    assert (sample.pids_limit, sample.pids_used) == (84740, 212)
    assert sample.cpu_throttled_s_total is None


def test_v2_nested_takes_each_limit_from_the_group_where_it_is_tightest() -> None:
    sample = _look("cgroup-v2-nested")
    assert (sample.cpu_quota_cpus, sample.effective_cpus) == (2.5, 2.5)
    assert (sample.cpu_throttled_periods_total, sample.cpu_throttled_s_total) == (100, 7.5)
    assert (sample.memory_limit_bytes, sample.memory_used_bytes) == (8 << 30, 8_000_000_000)
    assert (sample.oom_total, sample.oom_kill_total) == (4, 2)
    assert (sample.pids_limit, sample.pids_used) == (1024, 70)


@pytest.mark.parametrize(("world", "cpus", "limit"), [("container-v2", 2.0, 4 << 30), ("container-v1", 1.5, 2 << 30)])
def test_inside_a_container_the_limits_lie_at_the_top_of_the_mount(world: str, cpus: float, limit: int) -> None:
    sample = _look(world)
    assert (sample.cpu_quota_cpus, sample.memory_limit_bytes) == (cpus, limit)
    assert sample.memory_used_bytes == 1 << 30


def test_a_machine_without_groups_is_told_as_such(tmp_path: Path) -> None:
    assert _one(CgroupProbe(4711, tmp_path, tmp_path)) == CgroupSample(t_s=1.0, version="none")


def test_no_quota_is_none_and_not_zero() -> None:
    assert [parse_cpu_max(text) for text in ("max 100000", "50000 100000", "", None)] == [None, 0.5, None, None]


@contextlib.contextmanager
def _v1_groups(**settings: dict[str, str]) -> Iterator[list[Path]]:
    """Real groups of version 1, gone afterwards."""
    groups = [V1 / controller / f"holter-test-{os.getpid()}" for controller in settings]
    if os.geteuid() != 0 or not all((V1 / name / "cgroup.procs").exists() for name in settings):
        pytest.skip("needs root and cgroup version 1")
    try:
        for group, files in zip(groups, settings.values(), strict=True):
            group.mkdir()
            for name, value in files.items():
                (group / name).write_text(value)
        yield groups
    finally:
        for group in groups:
            for _ in range(50):
                with contextlib.suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.1)


def _run_in(groups: list[Path], code: str) -> subprocess.Popen[str]:
    """A Python that waits in the groups for a line on its input before it runs the code."""
    child = subprocess.Popen([sys.executable, "-S", "-c", f"input()\n{code}"], stdin=subprocess.PIPE, text=True)
    for group in groups:
        (group / "cgroup.procs").write_text(str(child.pid))
    return child


def _let_go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


@pytest.mark.slow
@pytest.mark.root
def test_a_real_cpu_quota_throttles_and_is_seen_throttling() -> None:
    quota = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "20000"}
    with _v1_groups(cpu=quota) as groups, _run_in(groups, "while True: pass") as child:
        try:
            probe = CgroupProbe(child.pid)
            before = _one(probe)
            _let_go(child)
            until = time.monotonic() + 20.0
            after = before
            while (after.cpu_throttled_s_total or 0.0) < 0.3 and time.monotonic() < until:
                time.sleep(0.2)
                after = _one(probe)
        finally:
            child.kill()
    assert (before.cpu_quota_cpus, before.effective_cpus) == (0.2, 0.2)
    assert (after.cpu_throttled_periods_total or 0) > (before.cpu_throttled_periods_total or 0)
    assert (after.cpu_throttled_s_total or 0.0) >= (before.cpu_throttled_s_total or 0.0) + 0.3


@pytest.mark.root
def test_a_real_kill_for_lack_of_memory_is_counted_after_the_process_is_gone() -> None:
    limit = 48 << 20
    code = "hog = [bytearray(1 << 20) for _ in range(300)]"
    with _v1_groups(memory={"memory.limit_in_bytes": str(limit)}) as groups, _run_in(groups, code) as child:
        try:
            probe = CgroupProbe(child.pid)
            before = _one(probe)
            _let_go(child)
            assert child.wait(20) == -9
            after = _one(probe)
        finally:
            child.kill()
    assert (before.version, before.memory_limit_bytes, before.oom_kill_total) == ("v1", limit, 0)
    assert after.oom_kill_total == 1


@pytest.mark.root
def test_a_file_larger_than_the_limit_is_read_again_and_again_and_that_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with path.open("wb") as file:
        file.write(bytes(1 << 20) * 96)
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what we cached counts as ours
    code = f"while True:\n with open({str(path)!r}, 'rb', buffering=0) as f:\n  while f.read(1 << 20): pass"
    with _v1_groups(memory={"memory.limit_in_bytes": str(48 << 20)}) as groups, _run_in(groups, code) as child:
        try:
            probe = CgroupProbe(child.pid)
            before = _one(probe)
            _let_go(child)
            after, end_s = before, time.monotonic() + 60
            while (after.refault_pages_total or 0) - (before.refault_pages_total or 0) <= 3000:
                if after.refault_pages_total is None or time.monotonic() > end_s:
                    break
                time.sleep(0.2)
                after = _one(probe)
        finally:
            child.kill()
    if after.refault_pages_total is None:
        pytest.skip("this kernel does not count refaults for cgroup v1")
    assert after.refault_pages_total - (before.refault_pages_total or 0) > 3000
    assert (after.memory_file_bytes or 0) > 24 << 20
