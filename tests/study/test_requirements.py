"""What a plan says about disk and memory: measured where a fold is there, else estimated, and which of the two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.reports.catalogue import phrase
from holter.study.requirements import requirements_of, sentences_of
from needs import needs
from study.conftest import DATASET, World

NETWORK = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2,
        "features_per_stage": [32, 64],
        "conv_op": "torch.nn.modules.conv.Conv2d",
        "kernel_sizes": [[3, 3], [3, 3]],
        "strides": [[1, 1], [2, 2]],
        "n_conv_per_stage": [2, 2],
        "n_conv_per_stage_decoder": [2],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "nonlin": "torch.nn.LeakyReLU",
    },
    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
}


def said(world: World, *configurations: str, folds: str = "0-4") -> list[str]:
    cells = world.cells(*configurations, folds=folds)
    return [phrase(each, "en") for each in sentences_of(requirements_of(cells, world.environ))]


PLAN_READ_ONLY = """
mount -t tmpfs disk "$nnUNet_results" && mount -o remount,ro "$nnUNet_results" || exit 3
exec "$1" -m holter study plan 4 -c 2d --lang en
"""


@pytest.mark.slow
@needs("root", "unshare")
def test_a_results_folder_in_which_nothing_can_be_written_is_named_before_the_start(world: World) -> None:
    command = ["unshare", "--mount", "sh", "-c", PLAN_READ_ONLY, "sh", sys.executable]
    environ = {**os.environ, **world.environ}
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=120).stdout
    words = f"Nothing can be written in {world.environ['nnUNet_results']}"
    assert words in shown and not any(line.startswith("Nothing") for line in said(world, "2d"))


def plans_with_network(world: World) -> None:
    file = Path(world.environ["nnUNet_preprocessed"]) / DATASET / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["2d"] |= {"architecture": NETWORK, "patch_size": [64, 64]}
    file.write_text(json.dumps(plans))


def test_without_a_network_in_the_plans_the_size_is_not_known_and_that_is_said(world: World) -> None:
    disk, memory, data = said(world, "2d")
    assert "not known from these plans" in disk and "Memory: about" in memory and data.endswith("0 B")


def test_sizes_come_from_a_fold_that_is_there(world: World) -> None:
    world.fold("2d", "0", "checkpoint_latest.pth").joinpath("checkpoint_best.pth").write_bytes(bytes(10**6))
    cells = world.cells("2d")
    needs = requirements_of(cells, world.environ)
    # Two of each of five, less what is there, and two of the one that runs.
    assert needs.disk_bytes == 4 * 2 * 10**6 + (2 * 10**6 - 10**6 - 1) + 2 * 10**6
    assert needs.measured and not needs.estimated
    assert "as in folds that are there" in said(world, "2d")[0]


def test_sizes_are_estimated_from_the_weights_and_that_is_said(world: World) -> None:
    plans_with_network(world)
    needs = requirements_of(world.cells("2d", "3d_fullres", folds="0"), world.environ)
    assert needs.estimated and not needs.measured and needs.unknown == 1
    weights = needs.disk_bytes / 4 / 8
    assert 50_000 < weights < 200_000, "a small network"
    assert "estimated from the weights" in said(world, "2d")[0]


def test_a_disk_that_is_too_small_is_said_first(world: World) -> None:
    needs = requirements_of(world.cells("2d"), world.environ)
    short = needs._replace(disk_bytes=2 * needs.disk_free_bytes, measured=True)
    assert phrase(sentences_of(short)[0], "en").startswith("Not enough disk")


def test_preprocessed_data_are_counted_once_and_nothing_is_said_of_what_is_done(world: World) -> None:
    cells = world.cells("2d")
    (cells[0].job.preprocessed / "case.b2nd").write_bytes(bytes(5000))
    assert requirements_of(cells, world.environ).data_bytes == 5000
    for fold in "01234":
        world.done("2d", fold)
    assert requirements_of(world.cells("2d"), world.environ) is None
