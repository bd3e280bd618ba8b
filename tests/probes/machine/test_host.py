from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from holter.probes.machine.host import HostProbe, cpu_shares, parse_cpu_times, parse_pressure
from holter.records import HostSample
from needs import needs

WORLD = Path(__file__).parents[1] / "worlds/no-psi"


def _one(probe: HostProbe, t_s: float) -> HostSample:
    (sample,) = probe.read(t_s).samples
    assert isinstance(sample, HostSample)
    return sample


def test_a_kernel_without_pressure_files_leaves_pressure_unknown_and_reads_the_rest(tmp_path: Path) -> None:
    sample = _one(HostProbe(WORLD / "proc", WORLD / "sys", shm=tmp_path / "none", tmp=tmp_path), 3.0)
    assert sample.pressure_io_some_ratio is None
    assert sample.pressure_memory_full_ratio is None
    assert (sample.cpu_count, sample.load_1min, sample.clock_source) == (2, 1.25, "hpet")
    assert sample.memory_available_bytes == 22000000 * 1024
    assert sample.swap_used_bytes == 1048574 * 1024
    assert (sample.swap_in_pages_total, sample.swap_out_pages_total, sample.oom_kill_total) == (12, 34, 2)
    assert sample.shm_total_bytes is None
    assert sample.tmp_total_bytes == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize


def test_an_empty_world_gives_a_sample_that_knows_nothing(tmp_path: Path) -> None:
    probe = HostProbe(tmp_path, tmp_path, shm=tmp_path / "none", tmp=tmp_path / "none")
    assert _one(probe, 1.0) == HostSample(t_s=1.0)


def test_the_first_sample_claims_no_share_of_cpu_time() -> None:
    assert _one(HostProbe(WORLD / "proc", WORLD / "sys"), 0.0).cpu_busy_ratio is None


def test_time_stolen_or_spent_waiting_for_a_disk_is_not_work() -> None:
    before = parse_cpu_times("cpu  100 0 0 100 0 0 0 0 0 0\ncpu0 100 0 0 100 0 0 0 0 0 0\n")
    now = parse_cpu_times("cpu  140 0 10 120 20 0 0 10 0 0\ncpu0 140 0 10 120 20 0 0 10 0 0\n")
    shares = cpu_shares(before, now)
    assert shares.busy == pytest.approx(0.5)
    assert shares.busy_each == (pytest.approx(0.5),)
    assert (shares.system, shares.iowait, shares.steal) == pytest.approx((0.1, 0.2, 0.1))


def test_iowait_that_runs_backwards_counts_as_none() -> None:
    before = parse_cpu_times("cpu  100 0 0 100 50 0 0 0\n")
    shares = cpu_shares(before, parse_cpu_times("cpu  150 0 0 160 40 0 0 0\n"))
    assert shares.iowait == 0.0
    assert shares.busy is not None
    assert 0 <= shares.busy <= 1


def test_a_cpu_that_went_offline_leaves_the_shares_of_each_unknown() -> None:
    before = parse_cpu_times("cpu  10 0 0 10\ncpu0 5 0 0 5\ncpu1 5 0 0 5\n")
    shares = cpu_shares(before, parse_cpu_times("cpu  15 0 0 15\ncpu0 10 0 0 10\n"))
    assert shares.busy == pytest.approx(0.5)
    assert shares.busy_each is None


def test_pressure_is_a_ratio_and_a_missing_full_line_is_unknown() -> None:
    assert parse_pressure("some avg10=25.50 avg60=0.87 avg300=0.73 total=1\n") == (0.255, None)
    assert parse_pressure(None) == (None, None)


def test_a_temporary_folder_on_a_network_is_never_asked_for_its_room(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    line = f"30 1 0:50 / {tmp_path} rw - nfs4 server:/export rw\n"
    (tmp_path / "self/mountinfo").write_text(line)
    assert _one(HostProbe(tmp_path, tmp_path, tmp=tmp_path), 0.0).tmp_total_bytes is None


@pytest.mark.slow
def test_psutil_sees_the_same_machine() -> None:
    probe = HostProbe()
    psutil.cpu_times_percent(interval=None)
    _one(probe, 0.0)
    time.sleep(1.0)
    sample, witness = _one(probe, 1.0), psutil.cpu_times_percent(interval=None)
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    assert sample.cpu_count == psutil.cpu_count()
    assert sample.cpu_busy_ratio == pytest.approx(1 - (witness.idle + witness.iowait + witness.steal) / 100, abs=0.1)
    assert sample.memory_total_bytes == memory.total
    assert sample.memory_available_bytes == pytest.approx(memory.available, rel=0.05)
    assert (sample.swap_total_bytes, sample.swap_used_bytes) == pytest.approx((swap.total, swap.used), rel=0.05)
    assert sample.shm_total_bytes == psutil.disk_usage("/dev/shm").total


@needs("root", "unshare")
def test_shared_memory_is_that_of_the_training_where_it_has_mounts_of_its_own() -> None:
    script = "mount -t tmpfs -o size=1m holter-test /dev/shm && head -c 600000 /dev/zero > /dev/shm/x && echo && cat"
    with subprocess.Popen(
        ["unshare", "-m", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as training:
        assert training.stdout is not None and training.stdout.read(1) == b"\n"
        pids: list[int | None] = [training.pid]
        probe = HostProbe(shm_pid=lambda: pids[0])
        (there,) = probe.read(0.0).samples
        assert there.shm_total_bytes == 1 << 20
        assert there.shm_used_bytes == pytest.approx(600_000, rel=0.02)
        training.communicate()
        (gone,) = probe.read(1.0).samples
        assert gone.shm_total_bytes is None, "ours is not theirs"
        pids[0] = os.getpid()
        (own,) = probe.read(2.0).samples
        assert own.shm_total_bytes != 1 << 20
