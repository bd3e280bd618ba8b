"""Each check speaks at its threshold, is silent below it, and never calls fine what could not be measured."""

from __future__ import annotations

import ast
import re
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

import holter.doctor.checks
from doctor.scene import GIB, GPU, PACKAGES, PLAN, said, spoil, well, with_variables
from holter.doctor.checks import CHECKS, examine, name_of
from holter.doctor.checks.gpu import supported
from holter.doctor.needs import batch_bytes, workers
from holter.doctor.records import Asked, BadFile, GpuText, Neighbour, Survey
from holter.doctor.terminal import advice, closing, print_examination, sentence
from holter.records import GpuProcess, GpuSample, GpuSlice, Message
from holter.reports.catalogue import known, phrase

Spoilt = tuple[str, dict[str, Any], str, str, str]


def packages(**versions: str) -> tuple[tuple[str, str], ...]:
    return tuple({**dict(PACKAGES), **versions}.items())


SMALL_SLICE = GpuSlice(name="MIG 1g.5gb", uuid="MIG-a1", memory_used_bytes=0, memory_total_bytes=5 * GIB)
LARGE_SLICE = GpuSlice(name="MIG 3g.20gb", uuid="MIG-b2", memory_used_bytes=0, memory_total_bytes=20 * GIB)

# part, its fields, the check, its state, its variant
SPOILT: tuple[Spoilt, ...] = (
    ("survey", {"gpus": (GpuSample(t_s=0, index=0, source="none", note="no driver"),)}, "gpu-present", "no-go", "none"),
    ("survey", {"gpus": (GpuSample(t_s=0, index=0, note="silent for 5 s"),)}, "gpu-present", "no-go", "silent"),
    ("machine", {"visible_gpus": ""}, "gpu-present", "no-go", "hidden"),
    ("software", {"cuda_works": False, "torch_cuda": None}, "torch-reaches-gpu", "no-go", "cpu-build"),
    ("software", {"cuda_works": False, "cuda_error": "driver too old"}, "torch-reaches-gpu", "no-go", "refused"),
    ("software", {"capabilities": (("RTX 5090", 12, 0),), "architectures": ("sm_80", "sm_90")}, "compute-capability",
     "no-go", "unsupported"),
    ("gpu", {"memory_total_bytes": 6 * GIB}, "gpu-memory", "warn", "small"),
    ("gpu", {"memory_used_bytes": 36 * GIB}, "gpu-memory", "warn", "taken"),
    ("gpu", {"clock_reasons": ("hw-thermal-slowdown",)}, "gpu-held-down", "warn", "held"),
    ("gpu", {"temperature_c": 88}, "gpu-held-down", "warn", "hot"),
    ("gpu", {"pcie_width": 4}, "gpu-link", "warn", "narrow"),
    ("gpu", {"ecc_uncorrected_total": 3}, "gpu-errors", "warn", "ecc"),
    ("gpu", {"pcie_width": 8}, "gpu-link", "go", "fewer"),
    ("gpu", {"mig": True}, "gpu-errors", "go", "mig"),
    ("gpu", {"mig": True}, "gpu-memory", "unknown", "unknown"),
    ("gpu", {"mig": True, "slices": (SMALL_SLICE, LARGE_SLICE)}, "gpu-memory", "warn", "small"),
    ("gpu", {"processes": (GpuProcess(pid=9, name="python", memory_bytes=4 * GIB),)}, "gpu-neighbours",
     "warn", "shared"),
    ("cgroup", {"effective_cpus": 2.0}, "cpu-cores", "warn", "few"),
    ("cgroup", {"effective_cpus": 4.0, "cpu_quota_cpus": 4.0}, "cpu-limits", "warn", "quota"),
    ("cgroup", {"effective_cpus": 14.0, "cpu_quota_cpus": 14.0}, "cpu-limits", "go", "quota"),
    ("cgroup", {"effective_cpus": 4.0}, "cpu-limits", "warn", "affinity"),
    ("cgroup", {"effective_cpus": 8.0}, "data-workers", "warn", "too-many"),
    ("host", {"cpu_busy_ratio": 0.7}, "cpu-load", "warn", "busy"),
    ("host", {"cpu_steal_ratio": 0.2}, "cpu-load", "warn", "stolen"),
    ("host", {"memory_available_bytes": 13 * GIB}, "training-memory", "warn", "close"),
    ("host", {"memory_available_bytes": 7 * GIB}, "training-memory", "no-go", "too-little"),
    ("host", {"memory_available_bytes": 2 * GIB}, "training-memory", "no-go", "hopeless"),
    ("cgroup", {"memory_limit_bytes": 8 * GIB, "oom_kill_total": 2}, "memory-limit", "warn", "killed"),
    ("cgroup", {"memory_limit_bytes": 8 * GIB}, "training-memory", "no-go", "too-little"),
    ("host", {"memory_available_bytes": 10 * GIB}, "validation-memory", "warn", "fewer"),
    ("host", {"memory_available_bytes": GIB}, "validation-memory", "no-go", "hopeless"),
    ("host", {"shm_total_bytes": 64 << 20}, "shared-memory", "no-go", "too-small"),
    ("host", {"swap_total_bytes": 8 * GIB, "swap_used_bytes": 7 * GIB, "pressure_memory_some_ratio": 0.2},
     "swap", "warn",
     "busy"),
    ("machine", {"files_soft_limit": 256}, "file-limit", "no-go", "low"),
    ("cgroup", {"pids_limit": 300, "pids_used": 100}, "process-limit", "warn", "close"),
    ("cgroup", {"pids_limit": 110, "pids_used": 100}, "process-limit", "no-go", "low"),
    ("folder:preprocessed", {"problem": "disk_child did not end within 12 s"}, "folders-answer", "no-go", "problem"),
    ("folder:results", {"written": False, "write_error": "Read-only file system"}, "folders-writable",
     "no-go", "refused"),
    ("folder:preprocessed", {"written": False, "write_error": "Permission denied"}, "folders-writable",
     "warn", "refused"),
    ("folder:results", {"free_bytes": GIB // 2}, "room-for-results", "no-go", "too-little"),
    ("folder:results", {"free_bytes": 3 * GIB // 2}, "room-for-results", "warn", "close"),
    ("folder:results", {"free_inodes": 5}, "room-for-results", "no-go", "inodes"),
    ("folder:tmp", {"free_bytes": 1 << 20}, "room-in-tmp", "warn", "little"),
    ("folder:preprocessed", {"read_latency_s": 0.2, "read_bytes_per_s": 1e6}, "reading-speed", "warn", "slow-at-first"),
    ("folder:preprocessed", {"rotational": True}, "file-system", "warn", "rotational"),
    ("folder:preprocessed", {"fs_type": "nfs4"}, "file-system", "warn", "network"),
    ("folder:preprocessed", {"fs_type": "wekafs"}, "file-system", "warn", "network"),
    ("folder:results", {"clock_skew_s": -90.0}, "file-clock", "warn", "skew"),
    ("files", {"bad": (BadFile(file="a.b2nd", problem="empty"),)}, "preprocessed-files", "no-go", "bad"),
    ("files", {"missing": ("a_seg.b2nd",)}, "preprocessed-files", "no-go", "missing"),
    ("files", {"pending": "a.b2nd"}, "preprocessed-files", "no-go", "hangs"),
    ("files", {"lengths_checked": 200}, "preprocessed-files", "unknown", "not-all"),
    ("files", {"read_whole": 250}, "preprocessed-files", "go", "in-part"),
    ("files", {"cases": 90}, "number-of-cases", "warn", "fewer"),
    ("files", {"labels_bad": (BadFile(file="a_seg.b2nd", problem="7"),)}, "label-values", "no-go", "outside"),
    ("files", {"segmentations_read": 20}, "label-values", "unknown", "in-part"),
    ("files", {"archives": True}, "read-only-data", "no-go", "crashes"),
    ("files", {"archives": True, "holds_patch": True}, "read-only-data", "no-go", "crashes"),
    ("files", {"archives": True, "holds_patch": False}, "read-only-data", "go", "padded"),
    ("files", {"archives": False, "holds_patch": True}, "read-only-data", "not-applicable", "no-archives"),
    ("software", {"packages": packages(batchgenerators="0.25.1")}, "known-bad-versions", "warn",
     "batchgenerators-fork"),
    ("software", {"packages": packages(torch="2.9.0+cu128")}, "known-bad-versions", "warn", "torch-conv3d"),
    ("software", {"packages": packages(threadpoolctl="2.2.0")}, "known-bad-versions", "warn", "threadpoolctl-old"),
    ("software", {"packages": packages(threadpoolctl="3.0.0")}, "known-bad-versions", "warn", "threadpoolctl-old"),
    ("software", {"packages": packages(threadpoolctl="3.1.0")}, "known-bad-versions", "go", "go"),
    ("software", {"packages": packages(torch="2.9.1"), "cudnn": 91002}, "known-bad-versions", "warn", "torch-conv3d"),
    ("software", {"packages": packages(torch="2.9.1"), "cudnn": None}, "known-bad-versions", "warn", "torch-conv3d"),
    ("software", {"packages": packages(torch="2.9.1+cu128"), "cudnn": 91501}, "known-bad-versions", "go", "go"),
    ("software", {"packages": packages(torch="2.9.0"), "cudnn": 91501}, "known-bad-versions", "warn", "torch-conv3d"),
    ("software", {"cudnn": 8902}, "known-bad-versions", "go", "go"),
    ("software", {"cudnn": 7605}, "known-bad-versions", "warn", "cudnn-old"),
    ("software", {"numpy_bridge": False}, "known-bad-versions", "no-go", "numpy-torch"),
    ("software", {"packages": packages(nnunetv2="2.4.2")}, "nnunet-version", "warn", "untried"),
    ("software", {"unwrapped": (("workers", ("_queue",)), ("steps", ()))}, "supervision", "warn", "part"),
    ("software", {"packages": (("torch", "2.8.0"),)}, "supervision", "not-applicable", "no-nnunet"),
    ("software", {"packages": (("torch", "2.8.0"),)}, "python-environment", "no-go", "missing"),
    ("software", {"torch_error": "OSError: libcudart.so"}, "python-environment", "no-go", "broken"),
    ("software", {"compiler": None}, "torch-compile", "no-go", "no-compiler"),
    ("software", {"compiler_version": "4.8.5"}, "torch-compile", "no-go", "old-compiler"),
    ("software", {"python_header": False}, "torch-compile", "no-go", "no-header"),
    ("folder:tmp", {"no_exec": True}, "torch-compile", "no-go", "no-exec"),
    ("environment", {"virtual_machine": "wsl"}, "virtual-machine", "warn", "wsl"),
    ("host", {"clock_source": "hpet"}, "clock", "warn", "slow"),
    ("fold", {"lock": "held", "lock_holder": "PID 7 on here"}, "fold-free", "no-go", "held"),
    ("fold", {"lock": "elsewhere"}, "fold-free", "warn", "elsewhere"),
    ("fold", {"checkpoints": ("checkpoint_final.pth",)}, "fold-history", "warn", "finished"),
    ("fold", {"checkpoints": ("checkpoint_latest.pth",)}, "fold-history", "warn", "begun"),
    ("asked", {"fold": "7"}, "fold-exists", "warn", "random"),
    ("asked", {"fold": "first"}, "fold-exists", "no-go", "none"),
)  # fmt: skip


def test_on_a_sound_machine_every_check_is_fine_or_does_not_apply() -> None:
    examination = examine(well())
    assert {
        result.check: result.variant for result in examination.results if result.state not in ("go", "not-applicable")
    } == {}
    assert (examination.verdict, examination.exit_code) == ("go", 0)


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda row: f"{row[2]}:{row[4]}")
def test_one_thing_spoilt_is_found_and_named(spoilt: Spoilt) -> None:
    part, fields, check, state, variant = spoilt
    result = said(spoil(well(), part, **fields), check)
    assert (result.state, result.variant) == (state, variant)
    assert "…" not in sentence(result, "en") + sentence(result, "zh")


@pytest.mark.parametrize(
    ("asked", "torch", "variant"),
    [("cuda", "2.8.0+cpu", "cpu-build"), ("cuda", "2.8.0+rocm6.3", "no-gpu"), ("cpu", "2.8.0+cpu", "on-cpu")],
)
def test_a_torch_for_the_cpu_alone_is_named_where_there_is_no_gpu_either(asked: str, torch: str, variant: str) -> None:
    survey = spoil(well(), "software", cuda_works=False, torch_cuda=None, packages=packages(torch=torch))
    survey = spoil(survey, "survey", gpus=(GpuSample(t_s=0, index=0, source="none", note="no driver"),))
    result = said(spoil(survey, "asked", device=asked), "torch-reaches-gpu")
    assert result.variant == variant
    if variant == "cpu-build":
        assert sentence(result, "en").startswith(f"this torch is a CPU build ({torch})")


@pytest.mark.parametrize(
    ("variables", "check", "state", "setting"),
    [
        ({"nnUNet_n_proc_DA": "0"}, "data-workers", "warn", "export nnUNet_n_proc_DA=12"),
        ({"nnUNet_n_proc_DA": "many"}, "data-workers", "no-go", "export nnUNet_n_proc_DA=12"),
        ({"nnUNet_n_proc_DA": "64"}, "data-workers", "go", None),  # nnU-Net takes no more than os.cpu_count()
        ({"OMP_PROC_BIND": "true"}, "threads", "warn", "unset OMP_PROC_BIND"),
        ({"OMP_PROC_BIND": "false"}, "threads", "go", None),
        ({"OMP_NUM_THREADS": "16"}, "threads", "warn", "export OMP_NUM_THREADS=1"),
        ({"OMP_NUM_THREADS": "1"}, "threads", "go", None),
        ({"nnUNet_results": None}, "folders-set", "no-go", "export nnUNet_results=/path/to/nnUNet_results"),
        ({"nnUNet_raw": None}, "folders-set", "warn", "export nnUNet_raw=/path/to/nnUNet_raw"),
        (
            {"nnUNet_raw": None, "nnUNet_preprocessed": None},
            "folders-set",
            "no-go",
            "export nnUNet_raw=/path/to/nnUNet_raw nnUNet_preprocessed=/path/to/nnUNet_preprocessed",
        ),
        ({"nnUNet_compile": "f"}, "torch-compile", "not-applicable", None),
        ({"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "4"}, "slurm", "warn", "export nnUNet_n_proc_DA=4"),
        ({"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "16"}, "slurm", "go", None),
    ],
)
def test_a_setting_is_judged_and_the_one_to_change_is_named(
    variables: dict[str, str | None], check: str, state: str, setting: str | None
) -> None:
    result = said(with_variables(well(), **variables), check)
    assert (result.state, result.setting) == (state, setting)


@pytest.mark.parametrize(
    "spoilt",
    [{"cases": 0, "files": 0}, {"missing": ("a_seg.b2nd",)}, {"bad": (BadFile(file="a.b2nd", problem="empty"),)}],
)
def test_data_that_must_be_preprocessed_again_end_with_the_command(spoilt: dict[str, Any]) -> None:
    survey = spoil(well(), "files", **spoilt)
    command = "nnUNetv2_preprocess -d 1 -plans_name nnUNetPlans -c 3d_fullres"
    assert said(survey, "preprocessed-files").setting == command
    for lang in ("en", "zh"):
        assert closing(examine(survey), lang).endswith(command)


def test_a_survey_that_holds_nothing_is_never_called_fine() -> None:
    blind = Survey(asked=Asked(dataset="Dataset001_Well", configuration="3d_fullres"))
    fine = [result.check for result in examine(blind).results if result.state == "go"]
    assert fine == []


@pytest.mark.parametrize("part", ["environment", "host", "cgroup", "files", "neighbours", "plan", "fold"])
def test_a_part_that_could_not_be_read_makes_no_check_worse_than_unknown(part: str) -> None:
    for before, after in zip(
        examine(well()).results, examine(spoil(well(), "survey", **{part: None})).results, strict=True
    ):
        assert after.state in (before.state, "unknown", "not-applicable", "go"), after


@pytest.mark.parametrize(
    "field", ["memory_used_bytes", "processes", "clock_reasons", "pcie_width", "ecc_uncorrected_total"]
)
def test_what_a_gpu_does_not_tell_is_unknown(field: str) -> None:
    blind = spoil(well(), "gpu", **{field: None, "temperature_c": None})
    assert [result.check for result in examine(blind).results if result.state == "unknown"] != []


def test_without_a_data_set_only_the_machine_is_judged() -> None:
    alone = spoil(well(), "survey", asked=Asked(), plan=None, files=None, fold=None)
    states = {result.check: result.state for result in examine(alone).results}
    assert examine(alone).verdict == "go"
    assert {states[name] for name in ("preprocessed-files", "label-values", "validation-memory", "fold-free")} == {
        "not-applicable"
    }


def test_on_the_cpu_no_gpu_is_missed() -> None:
    nothing = spoil(well(), "survey", gpus=(), asked=Asked(device="cpu"), plan=None, files=None, fold=None)
    assert examine(nothing).verdict == "go"


def test_another_gpu_that_is_free_is_offered() -> None:
    busy = msgspec.structs.replace(GPU, processes=(GpuProcess(pid=9, name="python", memory_bytes=4 * GIB),))
    two = spoil(well(), "survey", gpus=(busy, msgspec.structs.replace(GPU, index=1)))
    assert said(two, "gpu-neighbours").setting == "export CUDA_VISIBLE_DEVICES=1"


def three_gpus(**machine: Any) -> Survey:
    """The first is busy and has hardly any memory left, the others are free."""
    others = (GpuProcess(pid=9, name="python", memory_bytes=36 * GIB),)
    gpus = tuple(
        msgspec.structs.replace(
            GPU, index=index, uuid=f"GPU-{index}b7c", processes=() if index else others,
            memory_used_bytes=GIB if index else 36 * GIB,
        )
        for index in range(3)
    )  # fmt: skip
    return spoil(spoil(well(), "survey", gpus=gpus), "machine", **machine)


@pytest.mark.parametrize("names", ["1", "2,1", "GPU-1b7c", "GPU-2", " 1 , 2 "])
def test_what_happens_on_gpus_that_we_do_not_see_concerns_nobody(names: str) -> None:
    survey = three_gpus(visible_gpus=names)
    assert [said(survey, check).state for check in ("gpu-memory", "gpu-neighbours")] == ["go", "go"]
    assert dict(said(survey, "gpu-present").values)["count"] == names.count(",") + 1


@pytest.mark.parametrize("names", ["0", "0,1", "GPU-0b7c"])
def test_of_given_gpus_the_first_is_judged_and_no_other_is_offered(names: str) -> None:
    survey = three_gpus(visible_gpus=names)
    assert said(survey, "gpu-memory").variant == "taken"
    assert (said(survey, "gpu-neighbours").variant, said(survey, "gpu-neighbours").setting) == ("shared", None)


def test_of_a_gpu_that_is_cut_up_the_slice_that_is_named_is_judged() -> None:
    cut = spoil(well(), "gpu", mig=True, memory_used_bytes=39 * GIB, slices=(SMALL_SLICE, LARGE_SLICE))
    told = said(spoil(cut, "machine", visible_gpus="MIG-b2"), "gpu-memory")
    assert (told.state, dict(told.values)["gpu"]) == ("go", "0 (MIG 3g.20gb)")
    assert said(spoil(cut, "machine", visible_gpus="MIG-a1"), "gpu-memory").variant == "small"


def test_in_a_slurm_job_no_gpu_of_somebody_else_is_offered() -> None:
    assert said(three_gpus(), "gpu-neighbours").setting == "export CUDA_VISIBLE_DEVICES=1"
    assert said(with_variables(three_gpus(), SLURM_JOB_ID="7"), "gpu-neighbours").setting is None


@pytest.mark.parametrize("names", ["7", "NoDevFiles", "GPU-9"])
def test_a_gpu_that_is_not_there_hides_all(names: str) -> None:
    assert said(three_gpus(visible_gpus=names), "gpu-present").variant == "hidden"


def test_the_fold_that_is_being_trained_is_found_among_the_neighbours() -> None:
    here = Neighbour(pid=4711, dataset="1", configuration="3d_fullres", fold="0", user="me", results="/data/results/")
    assert said(spoil(well(), "survey", neighbours=(here,)), "fold-free").setting == "holter attach 4711"
    for elsewhere in ({"results": "/other/results"}, {"fold": "1"}, {"trainer": "nnUNetTrainer_250epochs"}):
        away = msgspec.structs.replace(here, **elsewhere)
        assert said(spoil(well(), "survey", neighbours=(away,)), "fold-free").state == "go"
    hidden = msgspec.structs.replace(here, results=None)
    assert said(spoil(well(), "survey", neighbours=(hidden,)), "fold-free").variant == "perhaps"
    other = msgspec.structs.replace(here, fold="1")
    assert said(spoil(well(), "survey", neighbours=(other,)), "fold-free").state == "go"
    assert said(spoil(well(), "survey", neighbours=(other,)), "other-trainings").variant == "beside"


def test_workers_that_a_dead_training_left_are_no_other_training() -> None:
    left = [
        Neighbour(pid=pid, dataset="1", configuration="3d_fullres", fold="0", results="/data/results", is_orphan=True)
        for pid in (11, 12)
    ]
    survey = spoil(well(), "survey", neighbours=tuple(left))
    assert said(survey, "other-trainings").state == "go"
    assert said(survey, "fold-free").state == "go"
    found = said(survey, "orphaned-workers")
    assert (found.state, found.setting) == ("warn", "kill 11 12")
    assert "2 workers of a training that is dead" in sentence(found, "en")


@pytest.mark.parametrize(
    ("stage", "uptime_min", "state", "variant", "left"),
    [
        ("licensed", 60, "go", "go", None),
        ("unlicensed-unrestricted", 6, "no-go", "grace-left", "14"),
        ("unlicensed-unrestricted", 300, "no-go", "grace-later", "20"),
        ("unlicensed-unrestricted", None, "no-go", "grace", None),
        ("unlicensed-restricted", 300, "no-go", "restricted", None),
        ("unlicensed", 300, "no-go", "last-stage", None),
        ("unknown", 300, "unknown", "unknown", None),
    ],
)
def test_a_vgpu_is_told_its_stage_and_the_minutes_left(
    stage: str, uptime_min: int | None, state: str, variant: str, left: str | None
) -> None:
    guest = spoil(
        well(), "gpu", virtualization="vgpu", licence_stage=stage, name="GRID T4-8Q", licence_text="as printed"
    )
    guest = spoil(guest, "machine", uptime_s=None if uptime_min is None else 60.0 * uptime_min)
    result = said(guest, "vgpu-licence")
    assert (result.state, result.variant, dict(result.values).get("left")) == (state, variant, left)


def test_pass_through_is_not_accused_of_having_no_licence() -> None:
    guest = spoil(well(), "gpu", virtualization="pass-through", licence_supported=True)
    assert said(guest, "vgpu-licence").state == "not-applicable"


@pytest.mark.parametrize(
    ("architectures", "capability", "expected"),
    [
        (("sm_80",), (8, 6), True),  # machine code runs on a newer minor version
        (("sm_86",), (8, 0), False),
        (("sm_90",), (12, 0), False),
        (("sm_80", "compute_90"), (12, 0), True),  # PTX is compiled for what is newer
        (("sm_120",), (12, 0), True),
        (("sm_90a",), (9, 0), True),
    ],
)
def test_compute_capability(architectures: tuple[str, ...], capability: tuple[int, int], expected: bool) -> None:
    assert supported(architectures, *capability) is expected


def test_workers_are_counted_as_nnunet_starts_them() -> None:
    unset = with_variables(well(), nnUNet_n_proc_DA=None)
    assert (workers(unset).train, workers(unset).validation) == (12, 6)
    assert (
        workers(spoil(unset, "software", cpu_count=2)).train,
        workers(with_variables(well(), nnUNet_n_proc_DA="1")).validation,
    ) == (2, 1)
    assert workers(unset).batches == 6 + 3 + 18
    assert 24 << 20 <= batch_bytes(PLAN) <= 26 << 20  # measured with stock transforms: 25.1 MiB


def test_slow_storage_is_no_go_only_where_memory_cannot_hold_the_data() -> None:
    slow = spoil(well(), "folder:preprocessed", read_latency_s=0.2, read_bytes_per_s=1e6)
    assert said(slow, "reading-speed").variant == "slow-at-first"
    large = spoil(slow, "files", stored_bytes=200 * GIB, voxels=1000 * 256**3)
    assert (said(large, "reading-speed").state, said(large, "reading-speed").variant) == ("no-go", "slow")


# --- sentences --------------------------------------------------------------------------------------------------


def variants() -> set[tuple[str, str]]:
    """Every (check, variant) that the source of the checks can say."""
    found: set[tuple[str, str]] = set()
    for file in Path(holter.doctor.checks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = {"result": 1, "go": 0, "not_applicable": 0}.get(node.func.id)
            if place is None or not isinstance(node.args[place : place + 1] and node.args[place], ast.Constant):
                continue
            told = node.args[place + 1] if len(node.args) > place + 1 else ast.Constant("go")
            found |= {(node.args[place].value, text) for text in outcomes(told)}  # type: ignore[attr-defined]
    return found


def outcomes(told: ast.expr) -> set[str]:
    """The texts that an expression may give: both sides of a choice, not its condition."""
    if isinstance(told, ast.IfExp):
        return outcomes(told.body) | outcomes(told.orelse)
    return {told.value} if isinstance(told, ast.Constant) and isinstance(told.value, str) else set()


def test_read_only_data_is_no_trouble_for_a_version_that_copies() -> None:
    archives = spoil(well(), "files", archives=True)
    older = spoil(archives, "software", packages=packages(nnunetv2="2.6.4"))
    assert said(older, "read-only-data").variant == "copied"
    assert said(spoil(archives, "software", packages=()), "read-only-data").state == "unknown"


def test_the_page_lists_every_check_in_the_order_of_the_report() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == [name_of(check) for check in CHECKS]


def test_the_source_is_understood() -> None:
    assert {("swap", "busy"), ("fold-exists", "to-be-made"), ("gpu-link", "go")} <= variants()
    assert {check for check, _ in variants()} == {name_of(check) for check in CHECKS}


def test_every_check_has_a_title_and_every_variant_a_sentence() -> None:
    assert [check for check in map(name_of, CHECKS) if not known(f"doctor.{check}.title")] == []
    lacking = {
        (check, variant)
        for check, variant in variants()
        if not known(f"doctor.{check}.{variant}") and not known(f"doctor.any.{variant}")
    }
    assert lacking == set()


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda row: f"{row[2]}:{row[4]}")
def test_every_problem_names_what_to_change(spoilt: Spoilt) -> None:
    part, fields, check, state, _ = spoilt
    result = said(spoil(well(), part, **fields), check)
    if state in ("warn", "no-go"):
        assert advice(result, "en")
        assert advice(result, "zh")


ENGLISH, SAID = "in English", Message(key="why.no-answer")


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        *((f"folder:{label}", {"problem": ENGLISH, "problem_message": SAID}) for label in ("results", "preprocessed")),
        ("folder:tmp", {"problem": ENGLISH, "problem_message": SAID, "free_bytes": None}),
        ("folder:results", {"problem": ENGLISH, "problem_message": SAID, "free_bytes": None, "clock_skew_s": None}),
        ("folder:preprocessed", {"problem": ENGLISH, "problem_message": SAID, "read_latency_s": None}),
        ("software", {"unread": ENGLISH, "unread_message": SAID}),
        ("software", {"unread": ENGLISH, "unread_message": SAID, "python": None, "packages": ()}),
        ("software", {"torch_error": ENGLISH, "torch_error_message": SAID, "capabilities": ()}),
        ("software", {"cuda_works": False, "cuda_error": ENGLISH, "cuda_error_message": SAID, "capabilities": ()}),
        ("files", {"unread": ENGLISH, "unread_message": SAID, "segmentations_read": 0, "export_needs": ()}),
        ("files", {"pending": ENGLISH, "pending_message": SAID}),
        ("files", {"bad": (BadFile(file="a", problem=ENGLISH, problem_message=SAID),)}),
    ],
)
def test_a_sentence_of_our_own_in_a_survey_is_translated(part: str, fields: dict[str, Any]) -> None:
    told = [sentence(result, "zh") for result in examine(spoil(well(), part, **fields)).results]
    assert any(phrase(SAID, "zh") in line for line in told)
    assert [line for line in told if ENGLISH in line] == []


def test_why_a_gpu_could_not_be_read_is_translated() -> None:
    gpu = msgspec.structs.replace(GPU, processes=None, unread=("processes: in English",))
    why = GpuText(index=0, field="processes", why=SAID)
    survey = spoil(well(), "survey", gpus=(gpu,), gpu_texts=(why,))
    assert phrase(SAID, "zh") in sentence(said(survey, "gpu-neighbours"), "zh")
    assert "in English" in sentence(said(spoil(survey, "survey", gpu_texts=()), "gpu-neighbours"), "zh")


def shown(survey: Survey, *, everything: bool = False) -> list[str]:
    out = StringIO()
    print_examination(Console(file=out, width=80, color_system=None), examine(survey), "en", everything=everything)
    return out.getvalue().splitlines()


def test_groups_without_a_finding_are_one_line_and_the_last_line_is_the_verdict() -> None:
    lines = shown(well())
    assert not any(line in ("Processor", "Software", "Storage") for line in lines)
    assert any(line.startswith("Fine: GPU, Processor, ") for line in lines)
    assert lines[-1].startswith("Verdict: go. Next: holter train ")
    everything = shown(well(), everything=True)
    assert {"Processor", "Software", "Storage"} <= set(everything)
    spoilt = shown(spoil(well(), "survey", gpus=(GpuSample(t_s=0, index=0, source="none", note="no driver"),)))
    assert spoilt[-1].startswith("Verdict: no-go because of GPU.")


def test_for_a_training_on_the_cpu_nothing_is_said_of_a_gpu() -> None:
    few = spoil(spoil(well(), "asked", device="cpu"), "cgroup", effective_cpus=2.0)
    assert not [line for line in shown(few) if "GPU" in line or "CUDA" in line]
