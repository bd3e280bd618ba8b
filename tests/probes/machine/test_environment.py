"""What a recording says about machine, versions and settings."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.probes.machine.environment import (
    HIDDEN,
    capture,
    container_kind,
    gpu_iommu,
    hide_in_command,
    looks_secret,
    nvidia_driver,
    process_command,
    process_environ,
    relevant_variables,
    virtual_machine_kind,
)

NAMED = "Dataset004_Hippocampus"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[int]:
    """A real Python of this environment with settings of its own."""
    environ = {**os.environ, "nnUNet_n_proc_DA": "3", "OMP_NUM_THREADS": "1", "NVIDIA_API_KEY": "not to be seen"}
    child = subprocess.Popen(
        [sys.executable, "-c", "import msgspec, time; print(flush=True); time.sleep(60)"],
        env=environ,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    yield child.pid
    child.kill()
    child.wait()


def test_versions_are_those_of_the_training_and_agree_with_its_own_metadata(sleeper: int) -> None:
    versions = dict(capture(["python"], sleeper, attached=True).versions)
    assert versions["python"] == platform.python_version()
    for package in ("torch", "numpy", "nnunetv2", "batchgenerators"):
        assert versions.get(package) == installed(package)


def test_settings_come_from_the_process_and_secrets_stay_there(sleeper: int) -> None:
    environment = capture(["python"], sleeper, attached=True)
    variables = dict(environment.variables)
    assert (variables["nnUNet_n_proc_DA"], variables["OMP_NUM_THREADS"]) == ("3", "1")
    assert "not to be seen" not in repr(environment)
    assert "PATH" not in variables
    assert environment.kernel == platform.release()
    assert environment.hostname == platform.node()


def test_the_start_is_told_in_utc_with_the_offset_of_the_local_clock() -> None:
    wall = time.time()
    environment = capture(["x"], None, attached=False, environ={}, wall_start=wall)
    start = datetime.datetime.fromisoformat(environment.wall_start)
    assert start.timestamp() == pytest.approx(wall, abs=1e-3)
    assert start.utcoffset() == datetime.timedelta(0)
    local = datetime.datetime.fromtimestamp(wall).astimezone().utcoffset()
    assert local is not None
    assert environment.utc_offset_s == local.total_seconds()


def test_versions_of_an_environment_that_is_not_ours_are_read_from_its_folders(tmp_path: Path) -> None:
    site = "env/lib/python3.10/site-packages"
    write(
        tmp_path,
        {
            f"{site}/torch-2.1.0-py3.10.egg-info/PKG-INFO": "",
            f"{site}/torch/version.py": "__version__ = '2.1.0'\ncuda: Optional[str] = '12.1'\n",
            f"{site}/nnunetv2-2.5.1.dist-info/METADATA": "",
            f"{site}/nvidia_cudnn_cu12-8.9.2.26.dist-info/METADATA": "",
            f"{site}/requests-2.0.dist-info/METADATA": "",
            "env/pyvenv.cfg": "home = /usr/bin\nversion = 3.10.12\n",
            "env/bin/nnUNetv2_train": "",
        },
    )
    command = [str(tmp_path / "env/bin/python"), str(tmp_path / "env/bin/nnUNetv2_train")]
    assert dict(capture(command, None, attached=False, environ={}).versions) == {
        "python": "3.10.12",
        "torch": "2.1.0",
        "nnunetv2": "2.5.1",
        "nvidia-cudnn-cu12": "8.9.2.26",
        "cuda": "12.1",
    }


def test_plans_are_found_and_inherited_values_resolved(tmp_path: Path) -> None:
    plans = {
        "configurations": {
            "3d_fullres": {"patch_size": [40, 56, 40], "batch_size": 9, "spacing": [1.0, 1.0, 1.5]},
            "big": {"inherits_from": "3d_fullres", "batch_size": 18},
        }
    }
    write(tmp_path, {f"pre/{NAMED}/P.json": json.dumps(plans)})
    environ = {"nnUNet_preprocessed": str(tmp_path / "pre"), "nnUNet_results": "/results"}
    command = ["nnUNetv2_train", "4", "big", "all", "-p", "P", "-tr", "T"]
    environment = capture(command, None, attached=False, environ=environ)
    assert dict(environment.plans) == {
        "dataset": NAMED,
        "configuration": "big",
        "fold": "all",
        "trainer": "T",
        "plans": "P",
        "patch_size": "40 x 56 x 40",
        "batch_size": "18",
        "spacing": "1 x 1 x 1.5",
    }
    assert environment.output_folder == f"/results/{NAMED}/T__P__big/fold_all"
    assert environment.preprocessed_folder == str(tmp_path / "pre" / NAMED)


def test_a_plans_ring_and_a_torn_plans_file_do_no_harm(tmp_path: Path) -> None:
    environ = {"nnUNet_preprocessed": str(tmp_path)}
    ring = {"configurations": {"2d": {"inherits_from": "2d", "batch_size": 2}}}
    for text, batch in ((json.dumps(ring), "2"), ('{"configurations": {', None), ("[]", None)):
        write(tmp_path, {f"{NAMED}/nnUNetPlans.json": text})
        environment = capture(["nnUNetv2_train", "4", "2d", "0"], None, attached=False, environ=environ)
        assert dict(environment.plans).get("batch_size") == batch


def test_nothing_is_claimed_where_nothing_can_be_read(tmp_path: Path) -> None:
    environment = capture(["x"], 1, attached=True, environ={}, proc=tmp_path / "proc", root=tmp_path)
    for field in ("hostname", "os", "kernel", "cpu_model", "virtual_machine", "slurm_job", "output_folder"):
        assert getattr(environment, field) is None, field
    assert environment.versions == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nnUNet_wandb_api_key", "x"),
        ("TORCH_HUB_TOKEN", "x"),
        ("PYTHON_KEYRING_PASSWORD", "x"),
        ("nnUNet_raw", "https://me:word@host/data"),
        ("PYTHONPATH", "ghp_0123456789abcdefghij"),
        ("NVIDIA_X", "c2VjcmV0MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A="),
    ],
)
def test_what_looks_like_a_secret_is_left_out(name: str, value: str) -> None:
    assert looks_secret(name, value)
    assert relevant_variables({name: value}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUDA_VISIBLE_DEVICES", "GPU-8f3c5a3e-1111-2222-3333-444455556666,MIG-8f3c5a3e-1111-2222-3333-444455556666"),
        ("nnUNet_preprocessed", "/data/Dataset004_Hippocampus_with_a_very_long_name_2024_version_12/preprocessed"),
        ("PYTHONHASHSEED", "0"),
        ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True,max_split_size_mb:512"),
        ("LD_PRELOAD", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"),
        ("OMP_NUM_THREADS", "1"),
    ],
)
def test_ordinary_settings_are_kept(name: str, value: str) -> None:
    assert relevant_variables({name: value}) == [(name, value)]


@pytest.mark.slow
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=60))
def test_no_value_of_a_secret_name_ever_passes(value: str) -> None:
    assert relevant_variables({"nnUNet_secret": value, "TORCH_API_KEY": value}) == []


def test_secrets_in_a_command_line_are_hidden_and_the_rest_is_not() -> None:
    command = ["train", "--wandb-token", "abc", "--password=x", "-tr", "nnUNetTrainer", "--npz", "URL=a://u:p@h/"]
    assert hide_in_command(command) == [
        "train", "--wandb-token", HIDDEN, f"--password={HIDDEN}", "-tr", "nnUNetTrainer", "--npz", f"URL={HIDDEN}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Sat Feb 17 22:55:48 UTC 2024", "535.161.08"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build", "550.54.14"),
        ("something else", None),
    ],
)
def test_the_driver_version_is_read_from_the_kernel(tmp_path: Path, text: str, version: str | None) -> None:
    write(tmp_path, {"driver/nvidia/version": text})
    assert nvidia_driver(tmp_path) == version


@pytest.mark.parametrize(
    ("variables", "files", "kind"),
    [
        ({}, {}, "none"),
        ({}, {".dockerenv": ""}, "docker"),
        ({}, {"run/.containerenv": ""}, "podman"),
        ({"APPTAINER_CONTAINER": "/x.sif"}, {}, "apptainer"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {".dockerenv": ""}, "kubernetes"),
        ({}, {"proc/1/cgroup": "12:cpu:/docker/0123"}, "docker"),
        ({}, {"proc/1/environ": "container=lxc\0"}, "lxc"),
    ],
)
def test_containers_are_told_apart(tmp_path: Path, variables: dict[str, str], files: dict[str, str], kind: str) -> None:
    write(tmp_path, files)
    assert container_kind(variables, tmp_path, tmp_path / "proc") == kind


@pytest.mark.parametrize(
    ("files", "release", "kind"),
    [
        ({"sys/class/dmi/id/sys_vendor": "VMware, Inc."}, "5.15", "vmware"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU"}, "5.15", "kvm"),
        ({"sys/class/dmi/id/sys_vendor": "Microsoft Corporation", "proc/cpuinfo": "flags : fpu"}, "5.15", "none"),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation",
                "sys/class/dmi/id/product_name": "Virtual Machine",
            },
            "5.15",
            "microsoft",
        ),
        ({}, "5.15.153.1-microsoft-standard-WSL2", "wsl"),
        ({"proc/cpuinfo": "flags : fpu hypervisor sse"}, "5.15", "unnamed"),
        ({"proc/cpuinfo": "flags : fpu sse"}, "5.15", "none"),
        ({"proc/cpuinfo": "Features : fp asimd"}, "5.15", None),
    ],
)
def test_virtual_machines_are_told_apart(tmp_path: Path, files: dict[str, str], release: str, kind: str | None) -> None:
    write(tmp_path, files)
    assert virtual_machine_kind(tmp_path / "proc", tmp_path, release) == kind


def test_a_task_of_a_slurm_array_has_both_numbers() -> None:
    environ = {"SLURM_JOB_ID": "99", "SLURM_ARRAY_JOB_ID": "90", "SLURM_ARRAY_TASK_ID": "3"}
    assert capture(["x"], None, attached=False, environ=environ).slurm_job == "90_3"
    assert capture(["x"], None, attached=False, environ={"SLURM_JOB_ID": "99"}).slurm_job == "99"


@pytest.mark.parametrize(
    ("kind", "told"), [("DMA", "translated"), ("DMA-FQ", "translated"), ("identity", "pass-through"), (None, "none")]
)
def test_how_the_memory_accesses_of_a_gpu_are_mapped(tmp_path: Path, kind: str | None, told: str) -> None:
    gpu, card = "sys/bus/pci/devices/0000:01:00.0", "sys/bus/pci/devices/0000:02:00.0"
    files = {f"{gpu}/vendor": "0x10de\n", f"{gpu}/class": "0x030200\n"}
    files |= {f"{gpu}/iommu_group/type": f"{kind}\n"} if kind else {}
    assert gpu_iommu(tmp_path) is None
    # A network card of another maker does not count.
    write(tmp_path, {f"{card}/vendor": "0x8086", f"{card}/class": "0x020000", f"{card}/iommu_group/type": "DMA"})
    assert gpu_iommu(tmp_path) is None
    assert gpu_iommu(write(tmp_path, files)) == told


def test_a_path_that_is_no_utf_8_can_still_be_used(tmp_path):
    odd = tmp_path / os.fsdecode(b"x\xff")
    process = subprocess.Popen(["sleep", "30"], env={**os.environ, "HOLTER_SCRATCH": str(odd)})
    try:
        wait_until = time.monotonic() + 10
        while process_command(process.pid)[:1] != ["sleep"] and time.monotonic() < wait_until:
            time.sleep(0.01)
        assert process_environ(process.pid)["HOLTER_SCRATCH"] == str(odd)
    finally:
        process.kill()
        process.wait()
