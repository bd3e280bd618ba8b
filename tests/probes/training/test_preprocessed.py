"""What is still to be made of a preprocessed data set: files as nnU-Net and numpy write them, cut anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holter.probes.training.preprocessed import SPLITS_FILE, Splits, Unpacking, is_whole_array, jobs_of
from holter.texts.training_command import parse_training_command
from needs import imported

numpy = imported("numpy")

CASES = "nnUNetPlans_3d_fullres"


def pack(folder: Path, *cases: str) -> None:
    folder.mkdir(exist_ok=True)
    for case in cases:
        data = numpy.arange(2 * 3 * 4 * 5, dtype=numpy.float32).reshape(2, 3, 4, 5)
        numpy.savez_compressed(folder / f"{case}.npz", data=data, seg=data[:1].astype(numpy.int8))
        (folder / f"{case}.pkl").write_bytes(b"")


def unpack(folder: Path, case: str) -> None:
    packed = numpy.load(folder / f"{case}.npz")
    numpy.save(folder / f"{case}.npy", packed["data"])
    numpy.save(folder / f"{case}_seg.npy", packed["seg"])


def test_the_split_is_to_be_made_until_every_byte_of_it_is_there(tmp_path):
    splits = Splits(tmp_path)
    assert splits.left() == 1
    text = json.dumps([{"train": ["a", "b"], "val": ["c"]}] * 5, indent=4)
    for size in range(0, len(text), 7):
        (tmp_path / SPLITS_FILE).write_text(text[:size])
        assert splits.left() == 1, size
    (tmp_path / SPLITS_FILE).write_text(text)
    assert splits.left() == 0


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int16", "uint8", "float64", "bool"])
def test_an_array_is_whole_with_its_last_byte(tmp_path, dtype):
    file = tmp_path / "a.npy"
    numpy.save(file, numpy.zeros((2, 3, 4), dtype))
    written = file.read_bytes()
    assert is_whole_array(file)
    for size in [*range(130), len(written) - 1]:
        file.write_bytes(written[:size])
        assert is_whole_array(file) is False, size


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" * 40,
        bytes(200),  # a page that its file server has not written yet
        b"\x93NUMPY\x01\x00\x10\x00{'descr': [}    " + bytes(90),
        b"\x93NUMPY\x02\x00\xff\xff\x00\x00{'descr': '<f4'" + b" " * 5000,
    ],
)
def test_of_what_is_no_array_that_we_know_nobody_can_say_whether_it_is_whole(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    assert is_whole_array(tmp_path / "a.npy") is None


def test_only_a_file_that_is_surely_torn_is_torn(tmp_path):
    """Whole files on a share that gives an error are not removed; they are still to be waited for."""
    pack(tmp_path, "a", "b", "c")
    for case in "ab":
        unpack(tmp_path, case)
    (tmp_path / "a_seg.npy").write_bytes((tmp_path / "a_seg.npy").read_bytes()[:-1])
    (tmp_path / "b_seg.npy").unlink()
    (tmp_path / "b_seg.npy").symlink_to("b_seg.npy")  # ELOOP, for anybody
    unpacking = Unpacking(tmp_path)
    assert unpacking.left() == 3
    assert [file.name for file in unpacking.torn()] == ["a_seg.npy"]


def test_a_case_is_unpacked_when_image_and_segmentation_are(tmp_path):
    pack(tmp_path, "a", "b", "c")
    unpacking = Unpacking(tmp_path)
    assert unpacking.left() == 3
    unpack(tmp_path, "a")
    assert unpacking.left() == 2
    unpack(tmp_path, "b")
    whole = (tmp_path / "b_seg.npy").read_bytes()
    (tmp_path / "b_seg.npy").write_bytes(whole[:-1])
    assert unpacking.left() == 2
    (tmp_path / "b_seg.npy").write_bytes(whole)
    unpack(tmp_path, "c")
    assert unpacking.left() == 0


def test_data_of_the_newer_format_need_no_unpacking(tmp_path):
    (tmp_path / "a.b2nd").write_bytes(b"")
    assert Unpacking(tmp_path).left() == 0
    assert Unpacking(tmp_path / "missing").left() == 0


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "Dataset004_Hippocampus"
    folder.mkdir()
    plans = {
        "configurations": {
            "3d_fullres": {"data_identifier": CASES},
            "3d_cascade_fullres": {"inherits_from": "3d_fullres"},
        }
    }
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    return {"nnUNet_preprocessed": str(tmp_path), "nnUNet_results": str(tmp_path / "results")}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("4 3d_fullres 0", ["splits", f"unpack-{CASES}"]),
        ("004 3d_cascade_fullres 0", ["splits", f"unpack-{CASES}"]),
        ("Dataset004_Hippocampus 3d_fullres all", [f"unpack-{CASES}"]),
        ("4 3d_fullres 2 --val", ["splits"]),
        ("4 nosuch 2", ["splits"]),
    ],
)
def test_each_training_has_its_own_things_to_make(environ, words, names):
    training = parse_training_command(("nnUNetv2_train", *words.split()))
    folder, jobs = jobs_of(training, environ)
    assert folder.name == "Dataset004_Hippocampus"
    assert [job.name for job in jobs] == names


def test_where_the_data_set_is_not_known_nothing_is(environ):
    assert jobs_of(parse_training_command(("nnUNetv2_train", "5", "2d", "0")), environ) is None
    assert jobs_of(parse_training_command(("nnUNetv2_train", "4", "2d", "0")), {}) is None


def test_real_cases_that_nnunet_unpacks(tmp_path):
    unpack_dataset = imported("nnunetv2.training.dataloading.utils").unpack_dataset
    pack(tmp_path, *map(str, range(6)))
    unpacking = Unpacking(tmp_path)
    assert unpacking.left() == 6
    unpack_dataset(str(tmp_path), num_processes=2, verify=True)
    assert unpacking.left() == 0
