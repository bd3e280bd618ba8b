"""``holter study`` as it is typed."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.errors import BadInput
from study.conftest import DATASET, World


def typed(world: World, words: str) -> str:
    done = CliRunner().invoke(app, ["study", *words.split()], env=world.environ)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_plan_prints_the_matrix_the_commands_and_the_next_one(world: World) -> None:
    world.done("2d", "0")
    shown = typed(world, "plan 4 -c 2d 3d_fullres -f 0-1 --lang en -- --npz")
    assert f"{DATASET} · 2d          0✓  1·" in shown
    commands = [line.strip() for line in shown.splitlines() if line.startswith("  holter train")]
    assert commands == [f"holter train {DATASET} {what} --npz" for what in ("2d 1", "3d_fullres 0", "3d_fullres 1")]
    assert "4 trainings: 1 done" in shown and not list(world.folder.glob("holter-study"))


def test_json_has_every_training(world: World) -> None:
    found = json.loads(typed(world, "plan 4 -c 2d --json"))
    assert [each["fold"] for each in found["trainings"]] == list("01234")
    assert found["counts"]["missing"] == 5 and found["hours_unknown"] == 5


def test_plan_speaks_chinese(world: World) -> None:
    assert "命令" in typed(world, "plan 4 -c 2d --lang zh")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plan 4 --watch", "--watch is for status"),
        ("status 4 --watch --json", "--watch is for status"),
        ("run 4 --json", "--json is for plan"),
        ("run 4 --submit", "need --slurm"),
        ("status 4 --slots 2", "--slots is for holter study run"),
        ("run 4 -c 3d_cascade_fullres --slots 1", "needs all folds of 3d_lowres"),
        ("run 4 -c 2d --gpus 0 --slots 1", "exclude each other"),
    ],
)
def test_what_does_not_fit_together_is_one_clear_error_and_starts_nothing(world: World, words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as raised:
        typed(world, words)
    assert raised.value.next_step and not list(world.folder.glob("nnUNet_results/*"))
