"""Folders that get another name, or a disk that goes, while a queue runs. A script stands for ``holter train``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from holter.reports.catalogue import phrase
from holter.study.known_results import KnownResults
from holter.study.local import Session, Settings
from holter.study.queue import Slot
from study.conftest import DATASET, World

# In place of the Python that would run ``-m holter train DATASET CONFIGURATION FOLD …``.
SCRIPT = """#!/bin/bash
echo "$6" >> "{folder}/begun"
fold="{model}/fold_$6"
mkdir -p "$fold/validation" && touch "$fold/checkpoint_final.pth" "$fold/validation/summary.json"
{then}
"""


def run(
    world: World, monkeypatch: pytest.MonkeyPatch, then: str, folds: str = "0-2", *, retry: bool = False
) -> tuple[int, Session, str]:
    """Run a queue whose trainings write their results, and then do something else."""
    script = world.folder / "python"
    model = Path(world.environ["nnUNet_results"]) / DATASET / "nnUNetTrainer__nnUNetPlans__2d"
    script.write_text(SCRIPT.format(folder=world.folder, model=model, then=then))
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    said: list[str] = []
    settings = Settings((Slot("cpu-0"),), world.folder / "out", keep_going=True, retry=retry, spacing_s=0.0)
    cells, environ = world.cells("2d", folds=folds), {**os.environ, **world.environ}
    session = Session(cells, settings, environ, lambda message: said.append(phrase(message, "en")))
    return session.run(), session, "\n".join(said)


def begun(world: World) -> list[str]:
    return (world.folder / "begun").read_text().split()


@pytest.mark.slow
def test_nothing_is_trained_into_the_place_where_the_results_were(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = world.environ["nnUNet_results"]
    then = f"[ $6 = 1 ] && mv {results} {results}-away && mkdir {results}; exit 0"
    code, session, said = run(world, monkeypatch, then, folds="0-3")
    assert code == 1 and begun(world) == ["0", "1"], said
    assert f"the results of 1 training were in {results}" in said and "nothing more is started" in said
    assert [job.fold for job in session.queue.left] == ["2", "3"] and not list(Path(results).iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("retry", [False, True])
def test_results_that_an_earlier_call_has_recorded_are_missed_by_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch, *, retry: bool
) -> None:
    """The machine was started again, and the disk of the results is not mounted."""
    model = Path(world.environ["nnUNet_results"]) / DATASET / "nnUNetTrainer__nnUNetPlans__2d"
    world.entry(model / "fold_0", epochs_done=3, exit_code=75)
    code, session, said = run(world, monkeypatch, "exit 0", retry=retry)
    if retry:
        assert code == 0 and begun(world) == ["0", "1", "2"], said
    else:
        assert code == 1 and not (world.folder / "begun").exists(), said
        assert "the results of 1 training were in" in said and "--retry" in said
        assert len(session.queue.left) == 3


@pytest.mark.slow
def test_a_fold_that_is_made_in_the_empty_place_does_not_vouch_for_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk goes between the look and the start: ``holter train`` makes the folders again."""
    results = world.environ["nnUNet_results"]
    again = 'mkdir -p "$fold/validation" && touch "$fold/checkpoint_final.pth" "$fold/validation/summary.json"'
    then = f"[ $6 = 1 ] && mv {results} {results}-away && {again}; exit 0"
    code, session, said = run(world, monkeypatch, then, folds="0-3")
    assert code == 1 and begun(world) == ["0", "1"] and "nothing more is started" in said, said
    assert [job.fold for job in session.queue.left] == ["2", "3"]


@pytest.mark.slow
def test_one_fold_that_somebody_removes_is_no_reason_to_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, said = run(world, monkeypatch, '[ $6 = 1 ] && rm -r "${fold%1}0"; exit 0')
    assert code == 0 and begun(world) == ["0", "1", "2"], said


@pytest.mark.slow
def test_the_folder_of_the_outputs_is_made_again_if_it_has_another_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = world.folder / "out"
    code, _, said = run(world, monkeypatch, f"[ $6 = 0 ] && mv {out} {out}-away; exit 0")
    assert code == 0 and begun(world) == ["0", "1", "2"], said
    assert sorted(file.name for file in out.iterdir()) == ["Dataset004-2d-fold1.out", "Dataset004-2d-fold2.out"]


@pytest.mark.slow
def test_trainings_that_end_with_0_and_no_results_are_set_aside_and_three_stop_the_queue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, session, said = run(world, monkeypatch, 'rm "$fold/checkpoint_final.pth"; exit 0', folds="0-4")
    assert code == 1 and begun(world) == ["0", "1", "2"], said
    assert said.count("it ended with exit code 0, but there is no final checkpoint with a validation") == 3
    assert len(session.queue.aside) == 3 and len(session.queue.left) == 2


def test_what_was_never_there_is_not_gone_and_what_cannot_be_asked_for_may_be_there(tmp_path: Path) -> None:
    assert not KnownResults([]).are_gone()
    assert KnownResults([tmp_path / "a", tmp_path / "b"]).are_gone()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert not KnownResults([tmp_path / "a", loop]).are_gone(), "too many links: not known"
    known = KnownResults([tmp_path / "a"])
    known.add(tmp_path)
    assert not known.are_gone() and known.count == 2
