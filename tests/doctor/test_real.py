"""The command against real faults: files that were cut, quotas, small and full file systems, a slow and a hung disk."""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from benchmarks.faults.tools.memory_group import MemoryGroup, find_memory

from doctor.conftest import HOLTER, Doctor, World, check
from holter.demo.faults.cpu_group import make_group
from needs import imported, needs, require
from nvml.fake_nvml import FakeGpu

CPU = ("--device", "cpu", "--seconds", "20")
TRAINING = ("801", "3d_fullres", *CPU)
needs_root = needs("root", "unshare")


def in_own_mounts(*mounts: str) -> tuple[str, ...]:
    """A command prefix: what follows sees these mounts, and nobody else does."""
    return ("unshare", "-m", "sh", "-c", " && ".join((*mounts, 'exec "$@"')), "sh")


def test_a_sound_data_set_is_read_to_its_end(world: World, doctor: Doctor) -> None:
    code, report = doctor(*TRAINING, environment=world.environment)
    files = check(report, "preprocessed-files")
    assert (files["state"], files["variant"], files["values"]["whole"]) == ("go", "go", "30")
    assert check(report, "label-values")["state"] == "go"
    assert check(report, "python-environment")["state"] == "go"
    assert check(report, "validation-memory")["state"] in ("go", "warn")
    assert check(report, "folders-writable")["state"] == "go"
    assert check(report, "room-for-results")["values"]["path"].endswith("fold_0")
    assert report["verdict"] in ("go", "warn")
    assert code == (0 if report["verdict"] == "go" else 1) == report["exit_code"]
    assert report["survey"]["took_s"] < 60
    # It leaves nothing behind.
    assert [*(world.root / "nnUNet_results").iterdir()] == []
    assert [*world.root.rglob(".holter*")] == []


def test_damaged_files_and_wrong_labels_are_named(world: World, doctor: Doctor) -> None:
    blosc2 = imported("blosc2")
    cut = world.cases / "brain_001.b2nd"
    os.truncate(cut, cut.stat().st_size * 2 // 3)
    rotten = world.cases / "brain_002.b2nd"  # of the right length, and not what it was
    content = bytearray(rotten.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = os.urandom(4096)
    rotten.write_bytes(content)
    (world.cases / "brain_003.pkl").write_bytes(b"")
    (world.cases / "brain_004_seg.b2nd").unlink()
    wrong = world.cases / "brain_005_seg.b2nd"
    labels = blosc2.open(str(wrong), mode="r")[...]
    labels.flat[0] = 7
    wrong.unlink()
    blosc2.asarray(labels, urlpath=str(wrong))
    code, report = doctor(*TRAINING, environment=world.environment)
    assert (code, report["verdict"]) == (1, "no-go")
    bad = {file["file"]: file["problem"] for file in report["survey"]["files"]["bad"]}
    assert set(bad) == {"brain_001.b2nd", "brain_002.b2nd", "brain_003.pkl"}
    assert bad["brain_001.b2nd"].startswith("cut short")
    assert bad["brain_003.pkl"] == "empty"
    assert report["survey"]["files"]["missing"] == ["brain_004_seg.b2nd"]
    assert "brain_005_seg.b2nd: 7" in check(report, "label-values")["text"]


def test_a_file_that_kills_its_reader_is_named_and_the_rest_is_read(world: World, doctor: Doctor) -> None:
    class Killer:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return os.abort, ()

    (world.cases / "brain_003.pkl").write_bytes(pickle.dumps(Killer()))
    _, report = doctor(*TRAINING, environment=world.environment)
    files = report["survey"]["files"]
    assert [(file["file"], file["problem"]) for file in files["bad"]] == [
        ("brain_003.pkl", "the process that read it was killed by SIGABRT")
    ]
    assert files["read_whole"] == 29


def test_older_data_is_read_in_archives_and_unpacked(world: World, doctor: Doctor) -> None:
    blosc2 = imported("blosc2")
    numpy = imported("numpy")
    for file in sorted(world.cases.glob("*[0-9].b2nd")):
        case = file.stem
        arrays = [blosc2.open(str(world.cases / f"{case}{part}.b2nd"), mode="r")[...] for part in ("", "_seg")]
        numpy.savez_compressed(world.cases / f"{case}.npz", data=arrays[0], seg=arrays[1])
        for part in ("", "_seg"):
            (world.cases / f"{case}{part}.b2nd").unlink()
    numpy.save(world.cases / "brain_004.npy", arrays[0])
    os.truncate(world.cases / "brain_004.npy", 5000)
    _, report = doctor(*TRAINING, environment=world.environment)
    files = report["survey"]["files"]
    assert [file["file"] for file in files["bad"]] == ["brain_004.npy"]
    assert (files["needs_unpacking"], files["segmentations_read"], files["files"]) == (True, 10, 21)
    assert check(report, "room-for-unpacking")["state"] == "go"
    crash = check(report, "read-only-data")
    assert (crash["state"], crash["variant"]) == ("no-go", "crashes")
    assert crash["setting"] == "nnUNetv2_preprocess -d 801 -plans_name nnUNetPlans -c 3d_fullres"


@needs_root
def test_a_small_dev_shm_a_read_only_folder_and_a_full_disk(world: World, doctor: Doctor) -> None:
    results, tmp = world.root / "nnUNet_results", world.root / "tmp"
    tmp.mkdir()
    through = in_own_mounts(
        "mount -t tmpfs -o size=1m shm /dev/shm",
        f"mount -t tmpfs -o size=1m full {results}",
        f"dd if=/dev/zero of={results}/filler bs=64k 2>/dev/null; true",
        f"mount -t tmpfs -o ro,size=1m readonly {tmp}",
    )
    environment = {**world.environment, "TMPDIR": str(tmp)}
    code, report = doctor(*TRAINING, environment=environment, through=through)
    assert code == 1
    assert check(report, "shared-memory")["variant"] == "too-small"
    assert check(report, "room-for-results")["variant"] == "too-little"
    folders = {folder["label"]: folder for folder in report["survey"]["folders"]}
    assert folders["results"]["write_error"] == "No space left on device"
    assert folders["tmp"]["write_error"] == "Read-only file system"
    writable = check(report, "folders-writable")
    assert (writable["state"], writable["values"]["why"]) == ("no-go", "No space left on device")


@needs_root
def test_a_cpu_quota_and_a_memory_limit_are_seen(world: World, doctor: Doctor, tmp_path: Path) -> None:
    cpu = make_group(f"holter-doctor-{os.getpid()}")
    parent = find_memory()
    if cpu is None or parent is None:
        pytest.skip("no control group can be made here")
    memory = MemoryGroup(parent, 1 << 30)
    try:
        cpu.limit(1.5)
        enter = f"echo $$ > {cpu.members}; echo $$ > {parent}/holter-survival-{os.getpid()}/cgroup.procs"
        through = ("sh", "-c", f'{enter}; exec "$@"', "sh")
        environment = {**world.environment, "nnUNet_n_proc_DA": "12"}
        _, report = doctor(*TRAINING, environment=environment, through=through)
    finally:
        cpu.remove()
        memory.remove()
    limits = check(report, "cpu-limits")
    assert (limits["variant"], limits["values"]["cpus"]) == ("quota", "1.5")
    assert limits["setting"] == "export nnUNet_n_proc_DA=1"
    assert check(report, "memory-limit")["values"]["limit"] == "1 GiB"
    assert check(report, "training-memory")["state"] == "no-go"


def test_a_low_limit_of_open_files(world: World, doctor: Doctor) -> None:
    through = ("sh", "-c", 'ulimit -n 120; exec "$@"', "sh")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    _, report = doctor(*CPU, environment=world.environment, through=through)
    found = check(report, "file-limit")
    assert (found["state"], found["values"]["limit"]) == ("no-go", "120")
    assert found["setting"].startswith("ulimit -n ")
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == hard


@pytest.fixture
def slow_disk(world: World) -> Iterator[tuple[World, Path]]:
    """The same data through a file system that can be slowed down."""
    require("fuse3", "dev-fuse")
    mount, control = world.root / "mount", world.root / "delay"
    mount.mkdir()
    source = world.root / "nnUNet_preprocessed"
    command = [sys.executable, "-W", "ignore", "-m", "holter.demo.slow_fs", *map(str, (source, mount, control))]
    server = subprocess.Popen(command)
    try:
        end_s = time.monotonic() + 20
        while not mount.is_mount():
            assert time.monotonic() < end_s, "the mount did not come up"
            time.sleep(0.05)
        yield world._replace(environment={**world.environment, "nnUNet_preprocessed": str(mount)}), control
    finally:
        control.write_text("0")
        subprocess.run(["fusermount3", "-u", "-z", str(mount)], check=False)
        server.kill()
        server.wait()


@pytest.mark.long
def test_a_slow_disk_is_measured(slow_disk: tuple[World, Path], doctor: Doctor) -> None:
    world, control = slow_disk
    control.write_text("0.3")
    _, report = doctor(*TRAINING, environment=world.environment)
    speed = check(report, "reading-speed")
    assert speed["state"] in ("warn", "no-go"), speed
    assert 250 <= float(speed["values"]["latency"]) <= 2000
    assert check(report, "file-system")["variant"] == "network"


@pytest.mark.long
def test_a_disk_that_hangs_is_named_in_time(slow_disk: tuple[World, Path], doctor: Doctor) -> None:
    world, control = slow_disk
    control.write_text("inf")
    began_s = time.monotonic()
    code, report = doctor(*TRAINING, environment=world.environment)
    assert time.monotonic() - began_s < 60
    assert (code, report["verdict"]) == (1, "no-go")
    assert "did not end within" in check(report, "folders-answer")["text"]
    assert check(report, "preprocessed-files")["variant"] == "hangs"
    assert report["survey"]["files"]["pending"].endswith(".b2nd")


@pytest.mark.slow
@needs("cc")
def test_an_unlicensed_vgpu_and_a_neighbour_on_it(doctor: Doctor, tmp_path: Path) -> None:
    gpu = FakeGpu.vgpu(tmp_path, processes=[(os.getpid(), 3 << 30)])
    _, report = doctor("--seconds", "20", environment=gpu.environment())
    licence = check(report, "vgpu-licence")
    assert licence["variant"] in ("grace-left", "grace-later")
    assert "Unlicensed (Unrestricted)" in licence["text"]
    assert check(report, "gpu-neighbours")["variant"] == "shared"
    for blind in ("gpu-held-down", "gpu-link", "gpu-errors"):
        assert check(report, blind)["state"] == "unknown"


@pytest.mark.slow
@needs("cc")
def test_a_hot_gpu_on_a_narrow_link(doctor: Doctor, tmp_path: Path) -> None:
    gpu = FakeGpu(tmp_path, clock_event_reasons=0x40, clock_throttle_reasons=0x40, pcie_width=4, ecc_uncorrected=2)
    _, report = doctor("--seconds", "20", environment=gpu.environment())
    assert check(report, "gpu-held-down")["values"]["reasons"] == "hw-thermal-slowdown"
    assert check(report, "gpu-link")["values"] == {"gpu": "0", "width": "4", "width_max": "16"}
    assert check(report, "gpu-errors")["variant"] == "ecc"


@pytest.mark.slow
@needs("cc")
@pytest.mark.long
def test_a_driver_that_never_answers_does_not_hold_the_doctor_up(doctor: Doctor, tmp_path: Path) -> None:
    gpu = FakeGpu(tmp_path, block="memory")
    began_s = time.monotonic()
    _, report = doctor("--seconds", "20", environment=gpu.environment())
    assert time.monotonic() - began_s < 60
    assert check(report, "gpu-present")["state"] in ("no-go", "unknown")


def command_of(process: psutil.Process) -> str:
    """Its words; none of one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def lives(process: psutil.Process) -> bool:
    """It runs; one that is dead and that nobody has buried does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_ctrl_c_ends_it_and_all_its_children(world: World) -> None:
    command = [*HOLTER, *TRAINING, "--python", sys.executable]
    process = subprocess.Popen(
        command, env={**os.environ, **world.environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    children: list[psutil.Process] = []
    end_s = time.monotonic() + 30
    while not any("software_child" in command_of(child) for child in children):
        assert time.monotonic() < end_s
        time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=30)
    assert process.returncode == 130, (printed, told)
    assert "Traceback" not in told
    until_s = time.monotonic() + 5  # shorter than a child that would go on needs to import torch on a busy machine
    while any(lives(child) for child in children):
        assert time.monotonic() < until_s
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "what", "step"),
    [
        (("802",), "No data set 802", "Dataset801_HolterBrain"),
        (("Dataset801_HolterBrian",), "No data set", "Dataset801_HolterBrain"),
        (("801", "3d_fulres"), "no configuration 3d_fulres", "holter doctor 801 3d_fullres"),
        (("801", "3d_fullres", "-p", "nnUNetPlan"), "No plans nnUNetPlan", "-p nnUNetPlans"),
    ],
)
def test_what_does_not_exist_is_answered_with_the_nearest(
    world: World, arguments: tuple[str, ...], what: str, step: str
) -> None:
    done = subprocess.run(
        [*HOLTER, *arguments], env={**os.environ, **world.environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert what in done.stderr
    assert step in done.stderr.splitlines()[-1]


def test_a_configuration_that_was_planned_and_not_preprocessed(world: World, doctor: Doctor) -> None:
    world.cases.rename(world.cases.with_name("elsewhere"))
    code, report = doctor(*TRAINING, environment=world.environment)
    assert (code, check(report, "preprocessed-files")["variant"]) == (1, "none")


def test_unreadable_plans_and_missing_variables_are_errors(world: World) -> None:
    plans = world.cases.parent / "nnUNetPlans.json"
    plans.write_text(plans.read_text()[:200])
    unset = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")}
    for environment, what in (({**unset, **world.environment}, "cannot be read"), (unset, "not set")):
        done = subprocess.run(
            [*HOLTER, "801", "3d_fullres"], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, what in done.stderr) == (2, True), done.stderr


@pytest.mark.slow
@pytest.mark.long
def test_two_saved_reports_are_told_apart(doctor: Doctor, tmp_path: Path) -> None:
    for name, workers in (("a", "2"), ("b", "many")):
        _, report = doctor(*CPU, environment={"nnUNet_n_proc_DA": workers})
        (tmp_path / f"{name}.json").write_text(json.dumps(report))
    command = [*HOLTER, "--compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    first = json.loads(done.stdout)["differences"][0]
    assert (first["fact"], first["second"], first["worse"]) == ("check.data-workers", "no-go", "second")
    same = subprocess.run([*command[:-2], str(tmp_path / "a.json")], capture_output=True, text=True, check=False)
    assert same.returncode == 0
