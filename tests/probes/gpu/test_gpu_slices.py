"""MIG slices, compute capability, and a device file that may not be opened, through the real binding."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.evidence.facts.gpu.health import trouble
from holter.probes.child.background_command import KILLED
from holter.probes.gpu.gpu import (
    CALL_OVERDUE,
    NO_DRIVER,
    NO_DRIVER_DEVICE,
    NO_READING,
    NONE_LISTED,
    NOT_OPEN,
    NOT_OPEN_DEVICE,
    STUCK,
    UNREACHABLE,
    GpuProbe,
)
from holter.probes.gpu.gpu_child import refusal
from holter.records import GpuSample, GpuSlice
from holter.sentences import joined
from needs import needs, require
from nvml.fake_nvml import FakeGpu

pytestmark = needs("cc")

SOON_S = 20.0
GIB = 2**30


def first(gpu: FakeGpu) -> GpuSample:
    probe = GpuProbe(environment={**os.environ, **gpu.environment()})
    try:
        (sample,) = probe.read_complete(1.0, SOON_S).samples
    finally:
        probe.close()
    assert isinstance(sample, GpuSample)
    return sample


def test_a_whole_gpu_has_no_slices_and_tells_its_compute_capability(tmp_path: Path) -> None:
    sample = first(FakeGpu(tmp_path))
    assert (sample.mig, sample.slices, sample.compute_capability) == (False, None, "8.0")


def test_every_slice_that_exists_is_read_with_its_memory_and_processes(tmp_path: Path) -> None:
    small = {"exists": 1, "name": "A100 MIG 1g.5gb", "uuid": "MIG-1", "memory_used": 3 * GIB, "memory_total": 5 * GIB}
    large = {"exists": 1, "name": "A100 MIG 3g.20gb", "uuid": "MIG-2", "memory_used": 0, "memory_total": 20 * GIB}
    gpu = FakeGpu(tmp_path, mig=1, slices=7, not_supported="utilization")
    gpu.set(per_gpu={100: {**small, "processes": "4711:1000,4712:2000"}, 104: {**large, "processes": ""}})
    sample = first(gpu)
    assert sample.mig is True
    assert sample.utilization_ratio is None
    assert sample.slices == (
        GpuSlice(name="A100 MIG 1g.5gb", uuid="MIG-1", memory_used_bytes=3 * GIB, memory_total_bytes=5 * GIB,
                 pids=(4711, 4712)),
        GpuSlice(name="A100 MIG 3g.20gb", uuid="MIG-2", memory_used_bytes=0, memory_total_bytes=20 * GIB, pids=()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"lost": 1}, "lost"),
        ({"init_error": 18}, "mismatch"),  # library and kernel module of different versions
        ({"init_error": 999}, "closed"),  # unknown error
        ({"count": 0}, "closed"),
        ({}, None),
    ],
)
def test_what_nvml_says_of_a_gpu_in_trouble_reaches_the_evidence(
    tmp_path: Path, state: dict[str, object], word: str | None
) -> None:
    assert trouble(first(FakeGpu(tmp_path, **state)).note) == word


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    """A file that even root may not open for writing: the error is that of a device that a cgroup forbids."""
    device = tmp_path / "nvidiactl"
    device.touch()
    require("chattr")
    done = subprocess.run(["chattr", "+i", str(device)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("files cannot be made immutable here")
    yield device
    subprocess.run(["chattr", "-i", str(device)], check=True)


def test_a_device_file_that_may_not_be_opened_is_told_of(forbidden: Path, tmp_path: Path) -> None:
    assert refusal(str(forbidden)) == {"device": str(forbidden), "refusal": "operation not permitted"}
    assert refusal(str(tmp_path / "none")) == {}
    (tmp_path / "open").touch()
    assert refusal(str(tmp_path / "open")) == {}


@pytest.mark.parametrize("reason", ["operation not permitted", "permission denied"])
def test_a_device_that_may_not_be_opened_is_forbidden_and_not_closed(reason: str) -> None:
    device = {"device": "/dev/nvidiactl", "refusal": reason}
    for said in (NO_DRIVER_DEVICE(**device), NOT_OPEN_DEVICE(error="unknown error", **device)):
        assert trouble(said) == "forbidden"


def test_trouble_is_read_from_the_key_and_values_of_a_note() -> None:
    killed = KILLED(signal="SIGABRT")
    for said, word in (
        (CALL_OVERDUE(call="nvmlInit", silent=40.0), "silent"),
        (CALL_OVERDUE(call="nvmlInit", silent=5.0), None),
        (joined(NO_READING(silent=31.0, trouble=killed), STUCK(count=1)), "silent"),
        (UNREACHABLE(error="gpu is lost"), "lost"),
        (NOT_OPEN(error="driver/library version mismatch"), "mismatch"),
        (NOT_OPEN(error="unknown error"), "closed"),
        (NONE_LISTED(), "closed"),
        (NO_DRIVER(), None),
    ):
        assert trouble(said) == word
