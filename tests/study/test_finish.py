"""What comes after the trainings."""

from __future__ import annotations

from holter.study.finish import steps_of
from study.conftest import DATASET, World


def keys(world: World, *configurations: str, folds: str = "0-4") -> list[str]:
    return [what.key for what, _ in steps_of(world.cells(*configurations, folds=folds))]


def commands(world: World, *configurations: str, folds: str = "0-4") -> list[str]:
    return [command for _, lines in steps_of(world.cells(*configurations, folds=folds)) for command in lines]


def test_what_is_not_done_comes_first(world: World) -> None:
    for fold in "0123":
        world.done("2d", fold)
    assert keys(world, "2d") == ["study.finish-train"]
    assert commands(world, "2d") == [f"holter train {DATASET} 2d 4"]


def test_one_configuration_needs_no_ensemble(world: World) -> None:
    for fold in "01234":
        world.done("2d", fold)
    assert commands(world, "2d") == [
        f"nnUNetv2_find_best_configuration {DATASET} -c 2d -f 0 1 2 3 4 --disable_ensembling",
        f"nnUNetv2_export_model_to_zip -d {DATASET} -o {DATASET}_2d.zip -c 2d -f 0 1 2 3 4",
    ]


def test_an_ensemble_needs_the_probabilities_of_every_fold(world: World) -> None:
    for fold in "01234":
        for configuration in ("2d", "3d_fullres"):
            folder = world.done(configuration, fold)
            if (configuration, fold) != ("2d", "3"):
                (folder / "validation" / "case.npz").touch()
    typed = commands(world, "2d", "3d_fullres")
    assert typed[0] == f"nnUNetv2_train {DATASET} 2d 3 --val --npz"
    assert typed[1] == f"nnUNetv2_find_best_configuration {DATASET} -c 2d 3d_fullres -f 0 1 2 3 4"


def test_fold_all_is_predicted_with(world: World) -> None:
    world.done("2d", "all")
    assert commands(world, "2d", folds="all")[0].startswith(f"nnUNetv2_predict -d {DATASET} -c 2d -f all ")
    assert keys(world, "2d", folds="all")[0] == "study.finish-all"
