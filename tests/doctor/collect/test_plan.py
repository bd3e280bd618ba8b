"""What the doctor computes from a plan, against nnU-Net's own networks and data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from doctor.conftest import World
from holter.doctor.collect.plan import parameters
from holter.doctor.collect.question import collect
from holter.doctor.records import Asked, Plan
from needs import imported

UNET = "dynamic_network_architectures.architectures.unet."
SMALL: dict[str, Any] = {
    "n_stages": 4,
    "features_per_stage": [8, 16, 32, 32],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]],
    "n_conv_per_stage_decoder": [1, 2, 1],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-05, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("PlainConvUNet", {"n_conv_per_stage": [2, 2, 2, 1]}),
        ("ResidualEncoderUNet", {"n_blocks_per_stage": [1, 3, 4, 6]}),
    ],
)
def test_parameters_are_those_of_the_network(name: str, blocks: dict[str, Any]) -> None:
    network = imported("nnunetv2.utilities.get_network_from_plans")
    kwargs = {**SMALL, **blocks}
    made = network.get_network_from_plans(UNET + name, kwargs, ["conv_op", "norm_op", "nonlin"], 2, 3)
    real = sum(weights.numel() for weights in made.parameters())
    plan = Plan(patch_size=(32, 32, 32), batch_size=2, channels=2, heads=3)
    told = parameters({"architecture": {"network_class_name": UNET + name, "arch_kwargs": kwargs}}, plan)
    assert told == pytest.approx(real, rel=0.01)


def test_another_network_is_not_guessed_at() -> None:
    plan = Plan(patch_size=(32, 32, 32), batch_size=2)
    assert parameters({"architecture": {"network_class_name": "my.Primus", "arch_kwargs": {}}}, plan) is None


def test_the_question_is_answered_from_nnunets_folders(world: World) -> None:
    (world.cases.parent / "splits_final.json").unlink(missing_ok=True)
    question = collect(Asked(dataset="801", configuration="3d_fullres"), world.environment)
    assert question.asked.dataset == "Dataset801_HolterBrain"
    assert question.plan is not None
    assert question.plan.labels == (0, 1, 2)
    assert (question.plan.cases, question.plan.heads, question.plan.folds) == (10, 3, None)
    assert question.preprocessed == str(world.cases)


def test_checkpoints_and_splits_that_are_there_are_seen(world: World) -> None:
    fold = Path(world.environment["nnUNet_results"]) / "Dataset801_HolterBrain/nnUNetTrainer__nnUNetPlans__3d_fullres"
    (fold / "fold_1").mkdir(parents=True)
    (fold / "fold_1" / "checkpoint_latest.pth").write_bytes(b"x" * 5000)
    (world.cases.parent / "splits_final.json").write_text(json.dumps([{"train": [], "val": []}] * 3))
    other = collect(Asked(dataset="801", configuration="3d_fullres", fold="0"), world.environment)
    same = collect(Asked(dataset="801", configuration="3d_fullres", fold="1"), world.environment)
    assert other.fold is not None
    assert same.fold is not None
    assert (other.fold.checkpoints, other.fold.checkpoint_bytes) == ((), 5000)
    assert same.fold.checkpoints == ("checkpoint_latest.pth",)
    assert other.plan is not None
    assert other.plan.folds == 3
