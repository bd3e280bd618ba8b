from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.linux.mounts import parse_mountinfo
from holter.probes.storage import storage_child
from holter.probes.storage.storage import StorageProbe, is_rotational
from holter.records import StorageSample
from said import english


def _wait_until(condition: object, limit_s: float = 10.0) -> bool:
    assert callable(condition)
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _one(probe: StorageProbe, t_s: float) -> StorageSample:
    (sample,) = probe.read(t_s).samples
    assert isinstance(sample, StorageSample)
    return sample


def _answered(probe: StorageProbe, first_s: float = 0.0) -> StorageSample:
    """The first sample that brings an answer; each look has its own time."""
    t_s = first_s
    for _ in range(100):
        sample = _one(probe, t_s)
        if sample.total_bytes is not None or sample.problem is not None:
            return sample
        time.sleep(0.05)
        t_s += 0.05
    raise AssertionError("no answer within five seconds")


def _children() -> list[int]:
    text = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    pids = [int(word) for word in text.split()]
    return [pid for pid in pids if b"storage_child" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "Dataset004" / "plans_3d"
    folder.mkdir(parents=True)
    (folder / "case_1.b2nd").write_bytes(os.urandom(300_000))
    (folder / "empty.pkl").write_bytes(b"")
    return tmp_path


def test_room_latency_and_mount_of_a_folder_are_told(data: Path) -> None:
    probe = StorageProbe({"preprocessed": data})
    with contextlib.closing(probe):
        first = _one(probe, 0.0)
        assert (first.total_bytes, first.probe_pending_s) == (None, None)
        sample = _answered(probe, 1.0)
    room = os.statvfs(data)
    assert (sample.label, sample.path) == ("preprocessed", str(data))
    assert sample.total_bytes == room.f_blocks * room.f_frsize
    assert sample.free_bytes == pytest.approx(room.f_bavail * room.f_frsize, rel=0.05)
    assert 0 < (sample.read_latency_s or 0) < 5
    assert sample.problem is None
    witness = subprocess.run(
        ["findmnt", "-n", "-o", "TARGET,FSTYPE", "-T", str(data)], capture_output=True, text=True, check=True
    )
    assert witness.stdout.split() == [sample.mount_point, sample.fs_type]


def test_a_folder_that_is_missing_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    with contextlib.closing(StorageProbe({"results": tmp_path / "none"})) as probe:
        assert "FileNotFoundError" in english(_answered(probe).problem)


def test_a_folder_that_was_there_and_is_not_found_is_looked_at_again_at_once(data: Path) -> None:
    probe = StorageProbe({"results": data / "Dataset004"})
    assert _answered(probe).missing is False
    (data / "Dataset004").rename(data / "elsewhere")
    usual_s = probe.interval_s
    assert _wait_until(lambda: _one(probe, 30.0).missing)
    assert probe.interval_s <= 1.0 < usual_s
    assert _wait_until(lambda: _one(probe, 31.0).missing)
    assert probe.interval_s == usual_s, "once"
    probe.close()


def test_a_folder_without_files_has_no_latency(tmp_path: Path) -> None:
    with contextlib.closing(StorageProbe({"results": tmp_path})) as probe:
        sample = _answered(probe)
    assert (sample.read_latency_s, sample.problem) == (None, None)


@pytest.mark.slow
def test_a_mount_that_hangs_never_hangs_the_recorder_and_is_told_for_how_long(
    slow_mount: tuple[Path, Path, Path], data: Path
) -> None:
    place, _, brake = slow_mount
    brake.touch()
    with contextlib.closing(StorageProbe({"preprocessed": place, "tmp": data})) as probe:
        probe.read(0.0)
        time.sleep(2.0)  # the healthy one has answered by now, also on a busy machine
        began_s = time.monotonic()
        samples = {s.label: s for s in probe.read(10.0).samples if isinstance(s, StorageSample)}
        later = {s.label: s for s in probe.read(20.0).samples if isinstance(s, StorageSample)}
        assert time.monotonic() - began_s < 5
        assert samples["preprocessed"].probe_pending_s == 10.0
        assert later["preprocessed"].probe_pending_s == 20.0
        assert samples["preprocessed"].fs_type == "fuse"
        assert samples["preprocessed"].mount_point == str(place)
        assert samples["preprocessed"].read_latency_s is None
        # The mount lies below this folder, and the look at the folder is not drawn into it.
        assert samples["tmp"].probe_pending_s is None
        assert samples["tmp"].total_bytes is not None
        brake.unlink()
        after = _recovered(probe)
    assert (after.read_latency_s or 0.0) > 1.5


def _recovered(probe: StorageProbe) -> StorageSample:
    for step in range(100):
        for sample in probe.read(30.0 + step).samples:
            assert isinstance(sample, StorageSample)
            if sample.label == "preprocessed" and sample.read_latency_s is not None:
                return sample
        time.sleep(0.05)
    raise AssertionError("the mount did not come back")


@pytest.mark.slow
def test_closing_does_not_wait_for_a_child_that_hangs(slow_mount: tuple[Path, Path, Path]) -> None:
    place, _, brake = slow_mount
    brake.touch()
    probe = StorageProbe({"preprocessed": place})
    probe.read(0.0)
    time.sleep(0.5)
    began_s = time.monotonic()
    probe.close()
    assert time.monotonic() - began_s < 5


def test_the_child_is_small(data: Path) -> None:
    with contextlib.closing(StorageProbe({"tmp": data})) as probe:
        _answered(probe)
        (pid,) = _children()
        status = Path(f"/proc/{pid}/status").read_text()
    (rss,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    assert int(rss) < 12 * 1024


def test_a_child_that_was_killed_is_reported_and_replaced(data: Path) -> None:
    with contextlib.closing(StorageProbe({"tmp": data})) as probe:
        _answered(probe)
        (pid,) = _children()
        os.kill(pid, signal.SIGKILL)
        assert _wait_until(lambda: "ended by itself" in english(_one(probe, 50.0).problem))
        assert _answered(probe, 60.0).total_bytes is not None


@pytest.mark.slow
def test_a_child_that_hangs_dies_with_a_recorder_that_was_killed(slow_mount: tuple[Path, Path, Path]) -> None:
    place, _, brake = slow_mount
    brake.touch()
    code = (
        "import sys, time; from pathlib import Path; from holter.probes.storage.storage import StorageProbe\n"
        "probe = StorageProbe({'tmp': Path(sys.argv[1])}); probe.read(0.0)\n"
        "print(probe._readers['tmp']._child.pid, flush=True); time.sleep(60)"
    )
    recorder = subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True)
    assert recorder.stdout is not None
    pid = int(recorder.stdout.readline())
    time.sleep(0.5)
    assert not _is_over(pid)
    recorder.kill()
    recorder.communicate()
    assert _wait_until(lambda: _is_over(pid), 5.0)


def _is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except OSError:
        return True


def test_a_partition_is_asked_through_its_disk_and_virtual_disks_are_not_believed(tmp_path: Path) -> None:
    for disk, vendor, rotational in (("sda", "ATA", "1"), ("sdb", "QEMU", "1"), ("vda", "", "1"), ("nvme0n1", "", "0")):
        queue = tmp_path / "devices" / disk / "queue"
        queue.mkdir(parents=True)
        (queue / "rotational").write_text(rotational + "\n")
        (queue.parent / "device").mkdir()
        (queue.parent / "device/vendor").write_text(vendor + "\n")
        (queue.parent / f"{disk}1").mkdir()
    numbers = tmp_path / "dev/block"
    numbers.mkdir(parents=True)
    for minor, place in enumerate(("sda/sda1", "sda", "sdb/sdb1", "vda/vda1", "nvme0n1/nvme0n11")):
        (numbers / f"8:{minor}").symlink_to(tmp_path / "devices" / place)
    mounts = parse_mountinfo("".join(f"3{n} 1 8:{n} / /m{n} rw - ext4 /dev/x rw\n" for n in range(6)))
    assert [is_rotational(mount, tmp_path) for mount in mounts] == [True, True, None, None, False, None]


def test_only_so_many_files_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_child, "_FILES_MAX", 5)
    for number in range(20):
        (tmp_path / f"{number}.b2nd").write_bytes(b"x")
    assert len(storage_child.files_below(str(tmp_path))) == 5


@pytest.mark.root
def test_a_file_system_without_inodes_or_read_only_says_so_and_how_large_its_checkpoints_are(tmp_path: Path) -> None:
    place = tmp_path / "results"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=3", "holter-test", str(place)], check=True)
    try:
        (place / "checkpoint_best.pth").write_bytes(bytes(300_000))
        (place / "checkpoint_latest.pth").write_bytes(bytes(100_000))
        with contextlib.closing(StorageProbe({"results": place})) as probe:
            sample = _answered(probe)
            assert (sample.free_inodes, sample.read_only, sample.checkpoint_bytes) == (0, False, 300_000)
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
            _answered(probe, 20.0)  # asked for before
            assert _answered(probe, 40.0).read_only is True
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
