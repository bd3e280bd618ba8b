"""The benchmark of nnU-Net's versions: its table, its goals, and the plans that it makes small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.compatibility import data, play, table
from benchmarks.compatibility.environments import Environment
from benchmarks.compatibility.versions import VERSIONS, find

from holter.demo.prepare import CONFIGURATION, DATASET_NAME
from holter.errors import BadInput

GOOD = play.Played(
    version="2.5.2",
    packages={"nnunetv2": "2.5.2", "batchgenerators": "0.25.1"},
    healthy="quiet",
    named="frozen-worker",
    healed="in the epoch",
    resumed="yes",
    tape="readable",
)
UNTRIED = play.Played(version="2.2.1", problem="it does not train here: ImportError: no such name")


def test_the_table_replaces_the_old_one_and_nothing_else() -> None:
    page = f"before\n{table.BEGIN}\n| old |\n{table.END}\nafter\n"
    new = table.page(page, [GOOD, UNTRIED])
    assert new.startswith("before\n") and new.endswith("\nafter\n") and "old" not in new
    assert "| 2.5.2 | batchgenerators 0.25.1 | quiet | frozen-worker | in the epoch | yes | readable |" in new
    assert "not tried: it does not train here" in new
    assert table.page(new, [GOOD, UNTRIED]) == new
    with pytest.raises(ValueError, match="no <!-- table"):
        table.page("no table", [GOOD])


def test_what_was_not_tried_meets_no_goal() -> None:
    met = {goal.name: goal.met for goal in table.goals([GOOD, UNTRIED])}
    assert met.pop("versions that could not be tried") is False
    assert set(met.values()) == {True}
    assert {goal.met for goal in table.goals([UNTRIED])[:-1]} == {None}
    bad = play.msgspec.structs.replace(GOOD, resumed="exit code 1: silent")
    assert [goal.met for goal in table.goals([bad])].count(False) == 1


@pytest.mark.parametrize("architecture", [True, False])
def test_plans_of_both_formats_are_made_small(tmp_path: Path, architecture: bool) -> None:
    environment = Environment(VERSIONS[0], tmp_path / "env", {})
    folder = tmp_path / "preprocessed-env" / DATASET_NAME
    folder.mkdir(parents=True)
    configuration = {"patch_size": [64] * 3, "architecture": {"arch_kwargs": {}}}
    if not architecture:
        configuration = {"patch_size": [64] * 3, "UNet_base_num_features": 32}
    (folder / "nnUNetPlans.json").write_text(json.dumps({"configurations": {CONFIGURATION: configuration}}))
    assert not data.is_preprocessed(environment, tmp_path)
    data.shrink(environment, tmp_path)
    small = json.loads((folder / "nnUNetPlans.json").read_text())["configurations"][CONFIGURATION]
    assert small["patch_size"] == data.PATCH
    assert ("UNet_base_num_features" in small) != architecture
    assert data.is_preprocessed(environment, tmp_path)


def test_an_unknown_version_is_a_bad_command() -> None:
    with pytest.raises(BadInput, match="no version"):
        find("1.7")
    assert [version.name for version in VERSIONS if version.quick]
