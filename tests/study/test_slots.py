"""Where trainings may run, and their share of the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holter.errors import BadInput
from holter.study.queue import Slot
from holter.study.slots import slots_of, variables_of


def script(tmp_path: Path, count: int) -> dict[str, str]:
    """Simulated readings of so many GPUs."""
    gpus = [{"index": index} for index in range(count)]
    file = tmp_path / "gpus.json"
    file.write_text(json.dumps(gpus))
    return {"HOLTER_GPU_SCRIPT": str(file)}


def test_cpu_slots_are_as_many_as_asked_for() -> None:
    assert [slot.name for slot in slots_of((), 3, {})] == ["cpu-0", "cpu-1", "cpu-2"]


@pytest.mark.parametrize(
    ("gpus", "slots", "said"),
    [(["0"], 2, "exclude each other"), (["x"], None, "'x' is not a GPU"), (["-1"], None, "'-1'")],
)
def test_what_is_no_place_to_train_is_one_clear_error(gpus: list[str], slots: int | None, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        slots_of(gpus, slots, {})


def test_neighbours_share_the_cpus() -> None:
    slot = Slot("cpu-0")
    variables = variables_of(slot, 3, 16.0, {"PATH": "/bin"})
    assert variables["nnUNet_n_proc_DA"] == "5" and variables["OMP_NUM_THREADS"] == "5"
    assert variables["CUDA_VISIBLE_DEVICES"] == "" and variables["PATH"] == "/bin"


@pytest.mark.parametrize(
    ("slots", "free", "said"), [(8, 64, "4.00"), (4, 20, "2.50"), (8, 1024, "8.00"), (2, 64, None), (1, 64, None)]
)
def test_neighbours_keep_cases_in_half_of_the_free_memory_together(slots: int, free: int, said: str | None) -> None:
    assert variables_of(Slot("gpu-0", 0), slots, 64.0, {}, free << 30).get("HOLTER_LOADER_RAM_GB") == said
    assert "HOLTER_LOADER_RAM_GB" not in variables_of(Slot("gpu-0", 0), slots, 64.0, {}, None)
    own = variables_of(Slot("gpu-0", 0), slots, 64.0, {"HOLTER_LOADER_RAM_GB": "1"}, free << 30)
    assert own["HOLTER_LOADER_RAM_GB"] == "1"


def test_what_the_user_set_is_kept() -> None:
    variables = variables_of(Slot("cpu-0"), 2, 2.0, {"nnUNet_n_proc_DA": "7", "OMP_NUM_THREADS": "1"})
    assert variables["nnUNet_n_proc_DA"] == "7" and variables["OMP_NUM_THREADS"] == "1"


def test_one_worker_is_the_least_and_twelve_the_most() -> None:
    shares = [variables_of(Slot("gpu-1", 1), slots, cpus, {}) for slots, cpus in ((8, 2.0), (1, 64.0))]
    assert [share["nnUNet_n_proc_DA"] for share in shares] == ["1", "12"]
    assert shares[0]["CUDA_VISIBLE_DEVICES"] == "1" and shares[0]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_each_gpu_is_a_slot_unless_some_are_chosen(tmp_path: Path) -> None:
    environ = script(tmp_path, 3)
    assert [slot.gpu for slot in slots_of((), None, environ)] == [0, 1, 2]
    assert [slot.gpu for slot in slots_of(["2", "0"], None, environ)] == [2, 0]
    assert [slot.gpu for slot in slots_of((), None, {**environ, "CUDA_VISIBLE_DEVICES": "1,2"})] == [1, 2]


def test_a_gpu_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no GPU 7; this machine has 0, 1"):
        slots_of(["0", "7"], None, script(tmp_path, 2))


SLICED = [
    {"index": 0, "uuid": "GPU-aaaa", "mig": False},
    {"index": 1, "uuid": "GPU-bbbb", "mig": True, "slices": [{"uuid": "MIG-1111"}, {"uuid": "MIG-2222"}]},
    {"index": 2, "uuid": "GPU-cccc", "mig": True, "slices": []},
]


def sliced(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "gpus.json"
    file.write_text(json.dumps(SLICED))
    return {"HOLTER_GPU_SCRIPT": str(file)}


@pytest.mark.parametrize(
    ("gpus", "visible", "devices"),
    [
        ([], None, ["0", "MIG-1111", "MIG-2222"]),
        (["1"], None, ["MIG-1111", "MIG-2222"]),
        (["MIG-2222", "0"], None, ["MIG-2222", "0"]),
        (["GPU-bbbb"], None, ["MIG-1111", "MIG-2222"]),
        (["MIG-2"], None, ["MIG-2222"]),  # CUDA takes the beginning of a UUID, too
        (["MIG-1111", "1"], None, ["MIG-1111", "MIG-2222"]),
        ([], "MIG-2222", ["MIG-2222"]),
        ([], "GPU-aaaa,MIG-1111", ["0", "MIG-1111"]),
    ],
)
def test_each_slice_of_a_gpu_in_mig_mode_is_a_slot(tmp_path: Path, gpus, visible, devices) -> None:
    environ = sliced(tmp_path) | ({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    slots = slots_of(gpus, None, environ)
    assert [slot.device for slot in slots] == devices and len({slot.name for slot in slots}) == len(slots)
    given = [variables_of(slot, len(slots), 8.0, environ)["CUDA_VISIBLE_DEVICES"] for slot in slots]
    assert given == devices


@pytest.mark.parametrize(
    ("gpus", "visible", "said"),
    [
        (["MIG-3333"], None, "no GPU or MIG slice MIG-3333; this machine has 0, MIG-1111, MIG-2222"),
        (["2"], None, "GPU 2 is in MIG mode, and has no slice"),
        (["3"], None, "no GPU 3"),
        ([], "MIG-3333", "'MIG-3333'"),
        ([], "", "''"),
        ([], "0,,1", "'0,,1'"),
    ],
)
def test_a_slice_that_is_not_there_is_one_clear_error(tmp_path: Path, gpus, visible, said) -> None:
    environ = sliced(tmp_path) | ({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    with pytest.raises(BadInput, match=said):
        slots_of(gpus, None, environ)
