"""Plans that were changed after folds of their model were trained."""

from __future__ import annotations

import json
from pathlib import Path

from holter.reports.catalogue import phrase
from holter.study.state.changed_plans import changed_plans
from study.conftest import DATASET, World


def trained(world: World, configuration: str, folds: str) -> Path:
    """A model with these folds, and the copies of plans and data set that nnU-Net keeps beside them."""
    data = Path(world.environ["nnUNet_preprocessed"]) / DATASET
    for fold in folds:
        model = world.done(configuration, fold).parent
    for copy, name in (("plans.json", "nnUNetPlans.json"), ("dataset.json", "dataset.json")):
        (model / copy).write_text((data / name).read_text())
    return data


def change(file: Path, *keys: str, value: object) -> None:
    content = json.loads(file.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    file.write_text(json.dumps(content))


def said(world: World, *configurations: str, folds: str = "0-4") -> list[str]:
    return [phrase(message, "en") for message in changed_plans(world.cells(*configurations, folds=folds))]


def test_another_patch_and_other_labels_are_named_with_the_folds_that_have_the_old_ones(world: World) -> None:
    data = trained(world, "2d", "02")
    assert said(world, "2d") == []
    change(data / "nnUNetPlans.json", "configurations", "2d", "patch_size", value=[64, 64])
    change(data / "dataset.json", "labels", value={"background": 0, "tumour": 1})
    (words,) = said(world, "2d", "3d_fullres")
    assert "folds of 2d were trained (patch_size, labels)" in words and "these folds: 0, 2." in words


def test_what_is_inherited_counts_and_what_follows_from_the_data_does_not(world: World) -> None:
    data = trained(world, "3d_cascade_fullres", "1")
    change(data / "nnUNetPlans.json", "configurations", "3d_fullres", "median_image_size_in_voxels", value=[9, 9, 9])
    assert said(world, "3d_cascade_fullres") == []
    change(data / "nnUNetPlans.json", "configurations", "3d_fullres", "batch_size", value=3)
    (words,) = said(world, "3d_cascade_fullres")
    assert "(batch_size)" in words


def test_a_model_that_is_done_or_not_begun_or_without_a_copy_is_not_compared(world: World) -> None:
    data = trained(world, "2d", "01")
    change(data / "nnUNetPlans.json", "configurations", "2d", "batch_size", value=3)
    assert said(world, "2d", folds="0-1") == []
    assert said(world, "2d", folds="2-4") == []
    assert len(said(world, "2d", folds="1-2")) == 1
    (world.jobs("2d")[0].model / "plans.json").write_text("{ torn")
    assert said(world, "2d", folds="1-2") == []
