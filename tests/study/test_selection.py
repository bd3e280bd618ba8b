"""Which trainings a command line means, and what it says of words that mean none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holter.cli.studies.words import spread
from holter.errors import BadInput
from holter.study.selection import jobs_of, with_priorities
from study.conftest import DATASET, World


def test_every_data_set_configuration_and_fold_is_one_job_each_once(world: World) -> None:
    world.dataset("Dataset005_Prostate")
    jobs = jobs_of(["4", "5", DATASET], ["2d", "3d_fullres"], ["0-2", "1", "all"], world.environ)
    assert len(jobs) == len({job.folder for job in jobs}) == 2 * 2 * 4
    assert jobs[0].arguments(("--npz",)) == (DATASET, "2d", "0", "--npz")
    assert jobs[3].fold == "all" and jobs[3].folder.name == "fold_all"


def test_without_configurations_all_that_are_preprocessed_are_meant(world: World) -> None:
    (Path(world.environ["nnUNet_preprocessed"]) / DATASET / "nnUNetPlans_2d").rmdir()
    assert {job.configuration for job in world.jobs()} == {"3d_fullres", "3d_lowres", "3d_cascade_fullres"}


def test_trainer_and_plans_are_in_the_folder_and_in_the_command(world: World) -> None:
    (job,) = jobs_of(["4"], ["2d"], ["0"], world.environ, trainer="nnUNetTrainer_250epochs")
    assert job.folder.parent.name == "nnUNetTrainer_250epochs__nnUNetPlans__2d"
    assert job.arguments()[-2:] == ("-tr", "nnUNetTrainer_250epochs")


def test_a_cascade_knows_its_previous_stage_though_others_inherit(world: World) -> None:
    assert {job.previous for job in world.jobs("3d_cascade_fullres")} == {"3d_lowres"}
    assert {job.previous for job in world.jobs("3d_lowres", "3d_fullres")} == {None}


@pytest.mark.parametrize(
    ("datasets", "configurations", "folds", "said"),
    [
        ([], [], ["0"], "No data set is named"),
        (["77"], ["2d"], ["0"], "No data set 77"),
        (["4"], ["3d"], ["0"], "have no configuration 3d"),
        (["4"], ["2d"], ["0-5"], "no fold 5: .* 0-4, or all"),
        (["4"], ["2d"], ["4-1"], "'4-1' is not a fold"),
        (["4"], ["2d"], ["-1"], "'-1' is not a fold"),
        (["4"], ["2d"], ["²"], "is not a fold"),
        (["4"], ["2d"], ["0-99999999999"], "is not a fold"),
        (["4"], ["2d"], [""], "'' is not a fold"),
        (["4"], ["2d"], ["", ","], "is not a fold"),
        (["4"], ["2d"], [], "is not a fold"),
    ],
)
def test_words_that_mean_nothing_are_one_clear_error(
    world: World, datasets: list[str], configurations: list[str], folds: list[str], said: str
) -> None:
    with pytest.raises(BadInput, match=said) as raised:
        jobs_of(datasets, configurations, folds, world.environ)
    assert raised.value.next_step


def test_without_variables_all_that_are_missing_are_named(world: World) -> None:
    environ = {"nnUNet_raw": "/x"}
    with pytest.raises(BadInput, match=r"nnUNet_preprocessed, nnUNet_results not set"):
        jobs_of(["4"], ["2d"], ["0"], environ)


def test_own_splits_decide_how_many_folds_there_are(world: World) -> None:
    splits = [{"train": ["a"], "val": ["b"]}] * 7
    (Path(world.environ["nnUNet_preprocessed"]) / DATASET / "splits_final.json").write_text(json.dumps(splits))
    assert len(jobs_of(["4"], ["2d"], ["0-6"], world.environ)) == 7
    with pytest.raises(BadInput, match="no fold 7") as raised:
        jobs_of(["4"], ["2d"], ["7"], world.environ)
    assert raised.value.next_step == "holter study plan Dataset004_Hippocampus -c 2d -f 0-6"


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        ("plan 4 5 -c 2d 3d_fullres -f 0-4", "plan 4 5 -c 2d -c 3d_fullres -f 0-4"),
        ("plan 4 -f 0 2 --json -c 2d", "plan 4 -f 0 -f 2 --json -c 2d"),
        ("plan 4 -c", "plan 4 -c"),
        ("plan 4 -c --json", "plan 4 -c --json"),
        ("-tr X plan 4", "-tr X plan 4"),
    ],
)
def test_several_values_after_one_option_are_read_as_people_type_them(typed: str, parsed: str) -> None:
    assert spread(typed.split()) == parsed.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [0, 0, 0, 0]),
        (["5=2"], [0, 0, 2, 2]),
        (["3d_fullres=1"], [0, 1, 0, 1]),
        (["005=2", "3d_fullres=1"], [0, 1, 2, 1]),  # the last that fits
        (["3d_fullres=1", "Dataset005_Prostate/3d_fullres=-3"], [0, 1, 0, -3]),
    ],
)
def test_priorities_are_given_to_what_the_words_mean(world: World, words: list[str], expected: list[int]) -> None:
    world.dataset("Dataset005_Prostate")
    jobs = jobs_of(["4", "5"], ["2d", "3d_fullres"], ["0"], world.environ)
    assert [job.priority for job in with_priorities(jobs, words)] == expected


@pytest.mark.parametrize(
    ("word", "said"),
    [("6=1", "No training of this study is of '6'"), ("5", "'5' is no priority"), ("=1", "no priority"),
     ("2d=high", "no priority"), ("2d=1.5", "no priority"), ("4/3d_lowres=1", "No training"), ("2d=", "no priority")],
)  # fmt: skip
def test_a_priority_that_means_nothing_is_one_clear_error(world: World, word: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as raised:
        with_priorities(world.jobs("2d"), [word])
    assert raised.value.next_step
