"""``--loader auto`` in real trainings: chosen, said, kept, used again; and nnU-Net's own loader whenever in doubt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform

from holter.trainer import loading
from holter.trainer.auto import decide
from holter.trainer.feed import Feed
from trainer.scene import Scene, Traces

pytestmark = pytest.mark.training


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLTER_LOADER", "auto")
    monkeypatch.setattr(decide, "BUDGET_S", 3.0)
    monkeypatch.setattr(decide, "LEAST_STOCK_S", 1.5)
    monkeypatch.setattr(decide, "HOLTER_S", 0.7)


def fold(trainer: Any) -> Path:
    return Path(trainer.output_folder)


def choice(trainer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((fold(trainer) / "holter_loader.json").read_text())
    return found


def test_the_choice_is_made_once_and_carried_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    monkeypatch.setattr(decide, "WORTH", 0.0)  # any speed will do: this is not a measurement
    traces = Traces()
    trainer = scene.trainer()
    trainer.run_training()
    made = choice(trainer)
    assert (made["loader"], made["reason"], made["transforms"] > 8) == ("holter", "faster", True)
    assert made["stock"] > 0 and made["holter"] > 0
    assert isinstance(trainer.dataloader_train, Feed)
    assert traces.new() == set()  # nnU-Net's workers of the race, too
    said = scene.log()
    assert "choosing the data loader" in said and "Holter's data loader is used" in said
    again = scene.trainer()
    again.run_training()
    assert "data loader: holter, as chosen before" in scene.log()
    assert scene.log().count("choosing the data loader") == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_is_not_clearly_faster_leaves_nnunet_as_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("nnUNet_n_proc_DA", workers)
    monkeypatch.setattr(decide, "WORTH", 1e9)
    traces = Traces()
    trainer = scene.trainer()
    trainer.run_training()
    assert choice(trainer)["loader"] == "stock"
    assert not isinstance(trainer.dataloader_train, Feed)
    assert "nnU-Net's own data loader is used" in scene.log()
    assert traces.new() == set()


def test_a_transform_that_differs_is_named_and_nnunets_loader_is_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MirrorTransform, "_apply_to_segmentation", lambda self, seg, **_: seg)
    trainer = scene.trainer()
    trainer.run_training()
    assert choice(trainer)["reason"] == "different"
    assert "MirrorTransform gives another result here" in scene.log()


@pytest.mark.parametrize("differs", [False, True])
def test_with_an_older_batchgeneratorsv2_a_loader_that_was_asked_for_is_proved_first(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, differs: bool
) -> None:
    monkeypatch.setenv("HOLTER_LOADER", "holter")
    monkeypatch.setattr(loading, "is_older", lambda: True)
    if differs:
        monkeypatch.setattr(MirrorTransform, "_apply_to_segmentation", lambda self, seg, **_: seg)
    trainer = scene.trainer()
    trainer.run_training()
    assert isinstance(trainer.dataloader_train, Feed) is not differs
    assert ("MirrorTransform gives another result here" in scene.log()) is differs


def test_whatever_fails_leaves_nnunets_loader(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise TypeError("an argument that nobody knows")

    monkeypatch.setattr(decide, "why_different", fails)
    trainer = scene.trainer()
    trainer.run_training()
    assert choice(trainer)["reason"] == "failed"
    assert "could not be tried (TypeError: an argument that nobody knows)" in scene.log()


def test_a_choice_that_healing_has_overruled_is_not_asked_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLTER_LOADER", "stock")
    trainer = scene.trainer()
    trainer.run_training()
    assert not (fold(trainer) / "holter_loader.json").exists()
    assert "HOLTER_LOADER=stock" in scene.log()
