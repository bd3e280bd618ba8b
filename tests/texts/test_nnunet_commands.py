from __future__ import annotations

import pytest

from holter.texts.nnunet_commands import again_command, other_work

BIN = "/env/bin/"


@pytest.mark.parametrize(
    ("command", "work"),
    [
        ("nnUNetv2_predict -i in -o out -d 4 -c 3d_fullres", "prediction"),
        ("python nnUNetv2_predict_from_modelfolder -i in -o out -m model", "prediction"),
        ("nnUNetv2_plan_and_preprocess -d 4", "preprocessing"),
        ("nnUNetv2_preprocess.exe -d 4", "preprocessing"),
        ("nnUNetv2_preprocess_like_nnssl -d 4 -n mae -pc model.pth", "preprocessing"),
        ("nnUNetv2_find_best_configuration 4 -c 2d", "evaluation"),
        ("nnUNet_predict -i in -o out -t 4 -m 3d_fullres", "prediction"),
        ("mednextv1_plan_and_preprocess -t 4", "preprocessing"),
        ("mednextv1_train 3d_fullres nnUNetTrainerV2 4 0", None),
        ("nnUNetv2_train 4 3d_fullres 0", None),
        ("nnUNetv2_train_pretrained 4 3d_fullres 0", None),
        ("python train.py --data nnUNet_raw", None),
        ("bash -c sleep", None),
    ],
)
def test_what_a_command_does(command: str, work: str | None) -> None:
    words = command.split()
    assert other_work(words) == work
    with_paths = [BIN + word if word.startswith(("nnU", "mednext")) else word for word in words]
    assert other_work(["/env/bin/python", *with_paths]) == work


def test_a_prediction_keeps_the_cases_that_are_done() -> None:
    predict = ("nnUNetv2_predict", "-i", "in", "-o", "out")
    assert again_command(predict) == (*predict, "--continue_prediction")
    assert again_command(again_command(predict)) == again_command(predict)


def test_everything_else_is_started_as_before() -> None:
    # v1 keeps finished cases by itself; preprocessing begins with an empty folder.
    for command in (("nnUNet_predict", "-i", "in"), ("nnUNetv2_preprocess", "-d", "4")):
        assert again_command(command) == command
