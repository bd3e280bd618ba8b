"""What comes after the trainings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from holter.errors import CannotDoHere
from holter.reports.catalogue import phrase
from holter.study import doing
from holter.study.finish import steps_of
from holter.study.selection import jobs_of
from holter.study.state.survey import look, survey
from holter.supervisor.folds.fold_lock import FoldLock
from study.conftest import DATASET, World


def keys(world: World, *configurations: str, folds: str = "0-4") -> list[str]:
    return [what.key for what, _ in steps_of(world.cells(*configurations, folds=folds))]


def commands(world: World, *configurations: str, folds: str = "0-4", extra: tuple[str, ...] = ()) -> list[str]:
    return [command for _, lines in steps_of(world.cells(*configurations, folds=folds), extra) for command in lines]


def test_what_is_not_done_comes_first(world: World) -> None:
    for fold in "0123":
        world.done("2d", fold)
    assert keys(world, "2d") == ["study.finish-train"]
    assert commands(world, "2d") == [f"holter train {DATASET} 2d 4"]


def test_what_runs_is_not_done_and_has_no_command_that_starts_it_again(world: World) -> None:
    lock = FoldLock(world.fold("2d", "0"))
    try:
        ((what, typed),) = steps_of(world.cells("2d", folds="0-1"))
    finally:
        lock.close()
    assert dict(what.values)["count"] == 2 and typed == (f"holter train {DATASET} 2d 1",)


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
    on_cpu = commands(world, "2d", "3d_fullres", extra=("--npz", "-device", "cpu"))
    assert on_cpu[0] == f"nnUNetv2_train {DATASET} 2d 3 -device cpu --val --npz"
    assert typed[1] == f"nnUNetv2_find_best_configuration {DATASET} -c 2d 3d_fullres -f 0 1 2 3 4"


def test_fold_all_is_predicted_with(world: World) -> None:
    world.done("2d", "all")
    assert commands(world, "2d", folds="all")[0].startswith(f"nnUNetv2_predict -d {DATASET} -c 2d -f all ")
    assert keys(world, "2d", folds="all")[0] == "study.finish-all"


def test_own_splits_decide_which_folds_are_all(world: World) -> None:
    splits = [{"train": ["a"], "val": ["b"]}] * 3
    (Path(world.environ["nnUNet_preprocessed"]) / DATASET / "splits_final.json").write_text(json.dumps(splits))
    for fold in "012":
        world.done("2d", fold)
    best = f"nnUNetv2_find_best_configuration {DATASET} -c 2d -f 0 1 2 --disable_ensembling"
    assert commands(world, "2d", folds="0-2")[0] == best
    assert keys(world, "2d", folds="0-1")[0] == "study.finish-some"


def trained(world: World, trainer: str, *configurations: str, folds: str = "01234") -> None:
    results = Path(world.environ["nnUNet_results"]) / DATASET
    for configuration in configurations:
        for fold in folds:
            folder = results / f"{trainer}__nnUNetPlans__{configuration}" / f"fold_{fold}"
            (folder / "validation").mkdir(parents=True)
            for name in ("checkpoint_final.pth", "validation/summary.json", "validation/case.npz"):
                (folder / name).touch()


def of_trainers(world: World, *wanted: tuple[str, str, str]) -> list[str]:
    """The commands for these trainers, each with its configurations and folds."""
    jobs = [
        job
        for trainer, configurations, folds in wanted
        for job in jobs_of([DATASET], configurations.split(), [folds], world.environ, trainer=trainer)
    ]
    return [command for _, lines in steps_of(survey(jobs, look((), world.environ))) for command in lines]


def test_two_trainers_are_two_models_and_folds_of_one_complete_no_other(world: World) -> None:
    trained(world, "nnUNetTrainer", "2d", folds="012")
    trained(world, "nnUNetTrainer_5epochs", "2d", folds="34")
    typed = of_trainers(world, ("nnUNetTrainer", "2d", "0-2"), ("nnUNetTrainer_5epochs", "2d", "3-4"))
    assert typed[0].startswith(f"nnUNetv2_predict -d {DATASET} -c 2d -f 0 1 2 -i")
    own = f"{DATASET}_2d_nnUNetTrainer_5epochs.zip -c 2d -f 3 4 -tr nnUNetTrainer_5epochs"
    assert typed[1:] == [
        f"nnUNetv2_export_model_to_zip -d {DATASET} -o {DATASET}_2d.zip -c 2d -f 0 1 2",
        f"nnUNetv2_export_model_to_zip -d {DATASET} -o {own}",
    ]


def test_trainers_with_the_same_configurations_are_compared_in_one_call_and_others_in_their_own(world: World) -> None:
    trained(world, "nnUNetTrainer", "2d", "3d_fullres")
    trained(world, "nnUNetTrainer_5epochs", "2d", "3d_fullres")
    find = f"nnUNetv2_find_best_configuration {DATASET} -c"
    both = of_trainers(world, *((name, "2d 3d_fullres", "0-4") for name in ("nnUNetTrainer", "nnUNetTrainer_5epochs")))
    assert both[0] == f"{find} 2d 3d_fullres -f 0 1 2 3 4 -tr nnUNetTrainer nnUNetTrainer_5epochs -p nnUNetPlans"
    for file in Path(world.environ["nnUNet_results"]).glob("*/nnUNetTrainer_5epochs__*__2d/*/validation/*.npz"):
        file.unlink()  # of a model that is in no ensemble
    mixed = of_trainers(world, ("nnUNetTrainer", "2d 3d_fullres", "0-4"), ("nnUNetTrainer_5epochs", "2d", "0-4"))
    assert mixed[:2] == [
        f"{find} 2d 3d_fullres -f 0 1 2 3 4",
        f"{find} 2d -f 0 1 2 3 4 -tr nnUNetTrainer_5epochs -p nnUNetPlans --disable_ensembling",
    ]


PROGRAMS = ("nnUNetv2_train", "nnUNetv2_find_best_configuration", "nnUNetv2_export_model_to_zip")
# In place of nnU-Net's program of this name: writes down its words, and an empty zip file; or half of one, if its name
# is in the file "fails", and ends with 3.
PROGRAM = """#!/bin/bash
name=${{0##*/}}
echo "$name $*" >> {calls}
echo "nnU-Net was here"
grep -qs $name {fails} && zip='PK\\005' || zip='PK\\005\\006'$(printf '\\\\0%.0s' {{1..18}})
while [ $# -gt 0 ]; do [ "$1" = -o ] && printf "$zip" > "$2"; shift; done
grep -qs $name {fails} && exit 3
exit 0
"""


def finished(world: World, *words: str, lang: str = "en") -> subprocess.CompletedProcess[str]:
    """``holter study finish`` in the folder of the world, with programs that stand for nnU-Net's."""
    folder = world.folder / "bin"
    folder.mkdir(exist_ok=True)
    python = folder / "python"
    if not python.exists():
        python.symlink_to(sys.executable)
    for name in PROGRAMS:
        (folder / name).write_text(PROGRAM.format(calls=world.folder / "calls", fails=world.folder / "fails"))
        (folder / name).chmod(0o755)
    code = f"import sys; from holter.cli import main; sys.executable = {str(python)!r}; main()"
    command = [sys.executable, "-c", code, "study", "finish", *words, "--lang", lang]
    return subprocess.run(
        command, cwd=world.folder, env={**os.environ, **world.environ}, capture_output=True, text=True
    )


def calls(world: World) -> list[str]:
    file = world.folder / "calls"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.slow
def test_do_runs_each_command_once_and_leaves_to_a_person_what_needs_one(world: World) -> None:
    for fold in "01234":
        world.done("2d", fold)
    world.dataset("Dataset005_Other")  # of which nothing is trained
    whole = finished(world, "4", "-c", "2d", "--do")
    assert whole.returncode == 0 and calls(world) == [*PROGRAMS[1:]], whole.stderr
    assert whole.stderr.count("holter: runs nnUNetv2_") == 2 and "nnU-Net was here" in whole.stderr
    assert "inference_instructions.txt" in whole.stdout and "nnUNetv2_" not in whole.stdout
    again = finished(world, "4", "5", "-c", "2d", "--do", "--json")
    assert again.returncode == 1 and calls(world) == [*PROGRAMS[1:], PROGRAMS[1]], "the exported file stays"
    assert f"{DATASET}_2d.zip is there already" in again.stderr
    steps = json.loads(again.stdout)["steps"]
    assert [each["commands"] for each in steps] == [[], [f"holter train Dataset005_Other 2d {n}" for n in range(5)]]


@pytest.mark.slow
def test_the_first_command_that_fails_is_the_last_and_all_are_printed_again(world: World) -> None:
    for fold in "01234":
        world.done("2d", fold)
    (world.folder / "fails").write_text(PROGRAMS[1])
    done = finished(world, "4", "-c", "2d", "--do")
    assert done.returncode == 1 and calls(world) == [PROGRAMS[1]], done.stderr
    assert "exit code 3: nnUNetv2_find_best_configuration" in done.stderr and PROGRAMS[2] in done.stdout


@pytest.mark.slow
def test_half_a_zip_file_of_a_call_that_failed_is_made_again(world: World) -> None:
    for fold in "01234":
        world.done("2d", fold)
    (world.folder / "fails").write_text(PROGRAMS[2])
    assert finished(world, "4", "-c", "2d", "--do").returncode == 1
    assert (world.folder / f"{DATASET}_2d.zip").exists()
    (world.folder / "fails").unlink()
    done = finished(world, "4", "-c", "2d", "--do")
    assert done.returncode == 0 and "is there already" not in done.stderr, done.stderr
    assert calls(world) == [*PROGRAMS[1:], *PROGRAMS[1:]] and zipfile.is_zipfile(world.folder / f"{DATASET}_2d.zip")


def test_without_nnunets_programs_nothing_is_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for fold in "01234":
        world.done("2d", fold)
    monkeypatch.setattr("sys.executable", str(world.folder / "python"))
    told: list[object] = []
    with pytest.raises(CannotDoHere) as raised:
        doing.do(steps_of(world.cells("2d")), {"PATH": str(world.folder)}, told.append)
    assert "no nnUNetv2_find_best_configuration on" in phrase(raised.value.what, "en")
    assert raised.value.next_step and not told
