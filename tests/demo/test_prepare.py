"""nnU-Net's own preparation, made small, done once, and honest about what failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holter.demo.prepare import DATASET_NAME, FEATURES, PATCH, Prepared, prepare, shrink_plan
from holter.errors import DemoFailed

pytestmark = pytest.mark.training


def test_a_prepared_folder_is_used_again_at_once(brain: Prepared) -> None:
    told: list[str] = []
    again = prepare(brain.folder, brain.cases, lambda stage, _done, _total: told.append(stage))
    assert again == brain
    assert told == []
    assert again.environment() == brain.environment()


def test_the_plan_is_nnunets_own_with_a_smaller_network_and_patch(brain: Prepared, tmp_path: Path) -> None:
    file = brain.preprocessed / DATASET_NAME / "nnUNetPlans.json"
    configuration = json.loads(file.read_text())["configurations"]["3d_fullres"]
    network = configuration["architecture"]["arch_kwargs"]
    assert configuration["patch_size"] == list(PATCH)
    assert all(side % 2 ** (len(FEATURES) - 1) == 0 for side in PATCH)
    lengths = {key: len(network[key]) for key in ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage")}
    assert set(lengths.values()) == {network["n_stages"]} == {len(FEATURES)}
    copy = tmp_path / "plans.json"
    copy.write_text(file.read_text())
    shrink_plan(copy)
    assert copy.read_text() == file.read_text()


@pytest.mark.long
def test_a_command_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    stages: list[str] = []
    with pytest.raises(
        DemoFailed, match=r"(?s)nnUNetv2_plan_and_preprocess ended with exit code 1:.*Traceback"
    ) as caught:
        prepare(tmp_path, 0, lambda stage, _done, _total: stages.append(stage))
    assert stages[0] == "images"
    assert "-d 801" in caught.value.next_step
    assert not (tmp_path / "prepared.json").exists()
