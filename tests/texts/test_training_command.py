"""What a training command says, with options of ours among nnU-Net's."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.texts.training_command import parse_training_command


@pytest.mark.parametrize("ours", [("--loader", "stock"), ("--loader=holter",), ("--strict", "--loader", "holter")])
def test_options_of_ours_are_not_taken_for_the_data_set(ours: tuple[str, ...]) -> None:
    nnunets = ("4", "3d_fullres", "0", "-tr", "A", "--c")
    parsed = parse_training_command(("python", "-m", "holter.trainer.entry", *ours, *nnunets))
    assert parsed is not None
    told = (parsed.dataset, parsed.configuration, parsed.fold, parsed.trainer, parsed.continued)
    assert told == ("4", "3d_fullres", "0", "A", True)


@pytest.mark.parametrize(
    "call",
    [
        "nnUNetv2_train_pretrained",
        "/env/bin/python /env/bin/nnUNetv2_train_pretrained",
        "python -m nnunetv2.run.run_training_from_pretrained",
        "python nnunetv2/run/run_training_from_pretrained.py",
    ],
)
@pytest.mark.parametrize(
    ("options", "folder"),
    [
        ("-p mae", "PretrainedTrainer__mae__3d_fullres"),
        ("-overwrite_ckpt_path other.pth -p mae --from_scratch", "PretrainedTrainer__mae__from_scratch__3d_fullres"),
        ("-p mae -tr PretrainedTrainer_Primus --c", "PretrainedTrainer_Primus__mae__3d_fullres"),
    ],
)
def test_fine_tuning_of_a_pretrained_network_is_a_training(call: str, options: str, folder: str) -> None:
    parsed = parse_training_command(f"{call} Dataset004_Hippocampus 3d_fullres 0 {options}".split())
    assert parsed is not None
    assert parsed.plans == "mae"
    results = {"nnUNet_results": "/results"}
    assert parsed.fold_folder(results) == Path("/results/Dataset004_Hippocampus") / folder / "fold_0"


@pytest.mark.parametrize(("number", "found"), [("4", True), ("４", True), ("²", False), ("④", False)])
def test_a_digit_that_is_no_number_is_no_data_set(number: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / "Dataset004_Hippocampus").mkdir()
    parsed = parse_training_command(("nnUNetv2_train", number, "3d_fullres", "0"))
    assert parsed is not None
    assert bool(parsed.datasets_of_number({"nnUNet_preprocessed": str(tmp_path)})) == found
