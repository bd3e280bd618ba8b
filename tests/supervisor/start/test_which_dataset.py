"""``holter train 910 …``: which data set is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.doctor.collect.question import collect
from holter.doctor.records import Asked
from holter.errors import BadInput
from holter.supervisor.train import read_arguments
from needs import imported


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    imported("nnunetv2")
    names = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
    for name in names:
        (tmp_path / name).mkdir()
    return {name: str(tmp_path / name) for name in names}


def test_two_data_sets_of_one_number_are_named_with_the_command_for_one(variables: dict[str, str]) -> None:
    (Path(variables["nnUNet_preprocessed"]) / "Dataset910_B").mkdir()
    (Path(variables["nnUNet_raw"]) / "Dataset910_A").mkdir()
    (Path(variables["nnUNet_results"]) / "Dataset910_B").mkdir()
    with pytest.raises(BadInput, match="Several data sets have the number 910: Dataset910_A, Dataset910_B") as refused:
        read_arguments(("-device", "cpu", "910", "3d_fullres", "0"), variables)
    assert str(refused.value.next_step) == "holter train -device cpu Dataset910_A 3d_fullres 0"
    training, folder = read_arguments(("Dataset910_B", "3d_fullres", "0"), variables)
    assert training.dataset in str(folder)


@pytest.mark.parametrize("number", ["911", "brain"])
def test_a_data_set_that_is_not_there_is_said_not_to_be_there(variables: dict[str, str], number: str) -> None:
    (Path(variables["nnUNet_raw"]) / "Dataset910_A").mkdir()
    with pytest.raises(BadInput, match=f"There is no data set {number} in nnU-Net's folders") as refused:
        read_arguments((number, "3d_fullres", "0"), variables)
    assert "or more" not in str(refused.value)


def test_the_doctor_keeps_the_words_that_were_typed_in_the_command(variables: dict[str, str]) -> None:
    for name in ("Dataset910_A", "Dataset910_B"):
        (Path(variables["nnUNet_preprocessed"]) / name).mkdir()
    with pytest.raises(BadInput, match="Several data sets have the number 910") as refused:
        collect(Asked(dataset="910", configuration="3d_fullres", fold="3"), variables)
    assert str(refused.value.next_step) == "holter doctor Dataset910_A 3d_fullres 3"
