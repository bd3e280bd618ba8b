"""The benchmark of nnU-Net's versions: its table, its goals, and the plans that it makes small."""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from benchmarks.compatibility import data, play, table
from benchmarks.compatibility.environments import Environment, build, trainer_of
from benchmarks.compatibility.versions import VERSIONS, find

from holter.demo.prepare import CONFIGURATION, DATASET_NAME
from holter.errors import BadInput

GOOD = play.Played(
    version="2.5.2",
    packages={"nnunetv2": "2.5.2", "batchgenerators": "0.25.1"},
    preprocessing="quiet",
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
    assert "| 2.5.2 | batchgenerators 0.25.1 | quiet | quiet | frozen-worker | in the epoch | yes | readable |" in new
    assert "not played: it does not train here" in new
    assert table.page(new, [GOOD, UNTRIED]) == new
    with pytest.raises(ValueError, match="no <!-- table"):
        table.page("no table", [GOOD])


def test_rows_of_versions_that_were_not_played_this_time_stay() -> None:
    of_v1 = play.msgspec.structs.replace(GOOD, version="1.7.1", packages={"nnunet": "1.7.1"})
    first = table.page(f"{table.BEGIN}{table.END}", [of_v1, UNTRIED])
    assert "2.2.1" in first
    played = play.msgspec.structs.replace(GOOD, version="2.2.1", packages={"nnunetv2": "2.2.1"}, healthy="alarm: x")
    second = table.page(first, [GOOD, played])
    names = [line.split("|")[1].strip() for line in second.splitlines()[3:-1]]
    assert names == ["2.2.1", "2.5.2", "1.7.1", *(name for name, _ in table.UNPLAYED)]
    assert "alarm: x" in second and "ImportError" not in second


def test_the_chinese_page_has_the_same_table_in_chinese() -> None:
    of_v1 = play.msgspec.structs.replace(GOOD, version="1.7.1", packages={"nnunet": "1.7.1"})
    pages = {
        language: table.page(f"{table.BEGIN}{table.END}", [GOOD, of_v1, UNTRIED], language) for language in ("en", "zh")
    }
    assert table.language_of(Path("docs/zh/compatibility.md")) == "zh"
    assert table.language_of(Path("docs/compatibility.md")) == "en"
    lines = {language: page.splitlines() for language, page in pages.items()}
    assert len(lines["en"]) == len(lines["zh"]) == len(table.UNPLAYED) + 7
    assert len({line.count("|") for line in lines["en"][1:-1] + lines["zh"][1:-1]}) == 1
    assert "| 无声 | 无声 | frozen-worker | 在轮次内 | 是 | 可读 |" in pages["zh"]
    assert "quiet" not in pages["zh"]
    assert "| yes, by `--resume-command` |" in lines["en"][5]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_the_short_trainer_of_each_version_has_that_versions_trainer_as_its_base(version) -> None:
    tree = ast.parse(trainer_of(version))
    (base,) = [
        (node.module, node.names[0].name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].asname == "Base"
    ]
    assert base == version.trainer


def test_a_fork_whose_files_are_missing_is_named_with_the_place_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"github\.com/MIC-DKFZ/MedNeXt at commit 0b78ed869fbd"):
        build(find("MedNeXt"), tmp_path, tmp_path)
    with pytest.raises(RuntimeError, match="--sources"):
        build(find("MedNeXt"), tmp_path, None)


def test_a_healthy_training_that_was_cut_off_does_not_count_as_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off = play.Run(None, "", "epoch 1", tmp_path / "run.holter")
    monkeypatch.setattr(play, "follow", lambda *_, **__: cut_off)
    monkeypatch.setattr(data, "is_preprocessed", lambda *_: True)
    played = play.play(Environment(VERSIONS[0], tmp_path / "env", {}), tmp_path, None)
    assert played.problem == f"it does not train here: not over after {play.LIMIT_S:.0f} s"
    assert (played.healthy, played.named) == ("not tried", "not tried")


def test_what_was_not_tried_meets_no_goal() -> None:
    met = {goal.name: goal.met for goal in table.goals([GOOD, UNTRIED])}
    assert met.pop("versions that could not be tried") is False
    assert set(met.values()) == {True}
    assert {goal.met for goal in table.goals([UNTRIED])[:-1]} == {None}
    bad = play.msgspec.structs.replace(GOOD, resumed="exit code 1: silent")
    assert [goal.met for goal in table.goals([bad])].count(False) == 1


def test_a_version_whose_code_names_its_folders_finds_the_data_there(tmp_path: Path) -> None:
    """U-Mamba reads no variable: its folders are beside its package."""
    packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    environment = Environment(find("U-Mamba"), tmp_path / "env", {})
    for number in (1, 2):  # each run has results of its own
        environment.link({"nnUNet_results": str(tmp_path / f"results-{number}")})
    link = packages.parent / "data" / "nnUNet_results"
    assert link.readlink() == tmp_path / "results-2" and link.is_dir()
    Environment(find("2.5.2"), tmp_path / "none", {}).link({"nnUNet_raw": "raw"})
    assert not (tmp_path / "none").exists()


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
    assert small["patch_size"] == [VERSIONS[0].patch] * 3
    assert ("UNet_base_num_features" in small) != architecture
    assert data.is_preprocessed(environment, tmp_path)


def test_plans_of_v1_are_made_small(tmp_path: Path) -> None:
    environment = Environment(find("MedNeXt"), tmp_path / "env", {})
    file = tmp_path / "preprocessed-env" / data.TASK_NAME / data.PLANS_V1
    file.parent.mkdir(parents=True)
    stage = {"patch_size": np.array([96, 96, 96]), "batch_size": 9, "kept": 1}
    file.write_bytes(pickle.dumps({"base_num_features": 32, "plans_per_stage": {0: stage}, "kept": 1}))
    data.shrink(environment, tmp_path)
    plans = pickle.loads(file.read_bytes())
    small = plans["plans_per_stage"][0]
    assert small["patch_size"].tolist() == [32, 32, 32] and small["batch_size"] < 9
    assert len(small["conv_kernel_sizes"]) == len(small["pool_op_kernel_sizes"]) + 1
    assert (plans["kept"], small["kept"]) == (1, 1)
    assert data.is_preprocessed(environment, tmp_path)


def test_the_images_become_a_task_of_v1(tmp_path: Path) -> None:
    (tmp_path / "labelsTr").mkdir()
    for name in ("b.nii.gz", "a.nii.gz"):
        (tmp_path / "labelsTr" / name).touch()
    of_v2 = {"channel_names": {"0": "MRI"}, "labels": {"background": 0, "grey": 1}}
    task = data.task_of(of_v2, tmp_path)
    assert task["modality"] == {"0": "MRI"} and task["labels"] == {"0": "background", "1": "grey"}
    assert [case["image"] for case in task["training"]] == ["./imagesTr/a.nii.gz", "./imagesTr/b.nii.gz"]
    assert task["numTraining"] == 2


@pytest.mark.parametrize("line", ["2026-11-30 16:00:00.0: Epoch 3 ", "epoch:  3", "2026-11-30 16:00:00: Epoch 3"])
def test_epochs_are_read_from_the_output_of_both_generations(tmp_path: Path, line: str) -> None:
    (tmp_path / play.OUTPUT).write_text(f"before\n{line}\nEpoch time: 3 s\n")
    assert play.epochs(tmp_path, 0) == [3] and play.epochs(tmp_path, 4) == []


def test_an_unknown_version_is_a_bad_command() -> None:
    with pytest.raises(BadInput, match="no version"):
        find("1.7")
    assert [version.name for version in VERSIONS if version.quick]
