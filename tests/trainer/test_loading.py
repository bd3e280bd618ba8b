"""Holter's loader under stock's trainer and under users' trainers, and when it stays away."""

from __future__ import annotations

import functools
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from holter.demo.prepare import CONFIGURATION
from holter.trainer import entry, make_feeds
from holter.trainer.checkpoint import entry_in
from holter.trainer.feed import Feed, Place
from holter.trainer.loading import HolterLoading, with_holter_loader
from holter.trainer.settings import Settings
from holter.trainer.stock_loaders import set_up
from trainer.scene import PATCH, Scene, Traces, equal, stock_trainer

pytestmark = pytest.mark.training


def begun(trainer: Any) -> Any:
    trainer.initialize()
    trainer.dataloader_train, trainer.dataloader_val = trainer.get_dataloaders()
    return trainer


def shapes(batch: dict[str, Any]) -> list[Any]:
    return [batch["data"].dtype, batch["data"].shape, [(each.dtype, each.shape) for each in batch["target"]]]


REGIONS = {"background": 0, "all": [1, 2, 3], "part": [2, 3]}


@pytest.mark.parametrize("kind", ["3d", "dummy-2d", "regions"])
def test_batches_are_of_stocks_types_and_sizes_and_the_log_says_how_they_are_made(scene: Scene, kind: str) -> None:
    dataset = {**scene.described(), "labels": REGIONS, "regions_class_order": [1, 2]} if kind == "regions" else None
    trainer = begun(scene.trainer(dataset=dataset, patch_size=[8, 32, 32] if kind == "dummy-2d" else PATCH))
    stock = set_up(functools.partial(stock_trainer().get_dataloaders, trainer))
    for feed, loader in zip((trainer.dataloader_train, trainer.dataloader_val), stock, strict=True):
        assert isinstance(feed, Feed)
        theirs, ours = next(loader), next(feed)
        assert shapes(ours) == shapes(theirs)
        assert set(ours["keys"]) <= set(loader._data.identifiers)
        assert ours["keys"].dtype.kind == theirs["keys"].dtype.kind
        assert ours["keys"].shape == theirs["keys"].shape
        feed.close()
    said = scene.log()
    assert "data loader without worker processes: 2 reading threads, transforms on cpu" in said
    first = "Convert3DTo2DTransform > SpatialTransform" if kind == "dummy-2d" else "SpatialTransform"
    assert said.count(f"training transforms: {first}") == 1
    assert ("regions" in said) == (kind == "regions")
    assert "CPU fall-back" not in said
    assert "validation transforms: RemoveLabelTransform" in said


def test_validation_reads_no_margin_for_rotations(scene: Scene) -> None:
    stock = set_up(functools.partial(stock_trainer().get_dataloaders, begun(scene.trainer())))
    assert tuple(stock.val.patch_size) == tuple(PATCH)
    assert tuple(stock.train.patch_size) > tuple(PATCH)


def test_the_same_seed_gives_the_same_batches_and_another_gpu_gives_others(scene: Scene) -> None:
    trainer = scene.trainer()
    trainer.initialize()
    stock = set_up(functools.partial(stock_trainer().get_dataloaders, trainer))

    def first(rank: int) -> Any:
        facts = trainer._holter_facts(make_feeds.LoaderLog(trainer.print_to_log_file), seed=3)
        feeds = make_feeds.make_feeds(stock, facts._replace(rank=rank, ranks=2), Settings(threads=1))
        batches = [{**next(feed), "keys": ()} for feed in feeds]
        batches = [pickle.loads(pickle.dumps(batch)) for batch in batches]
        for feed in feeds:
            feed.close()
        return batches

    again = first(0)
    assert equal(first(0), again)
    assert not equal(first(1), again)


def test_the_second_channel_of_a_cascade_comes_as_one_channel_a_label(scene: Scene) -> None:
    trainer = scene.trainer(previous_stage="3d_lowres")
    previous = Path(trainer.folder_with_segs_from_previous_stage)
    previous.mkdir(parents=True)
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    dataset = nnUNetDatasetBlosc2(trainer.preprocessed_dataset_folder)
    for case in dataset.identifiers:
        _, seg, _, _ = nnUNetDatasetBlosc2(trainer.preprocessed_dataset_folder, [case]).load_case(case)
        nnUNetDatasetBlosc2.save_seg(seg[0], str(previous / case))
    begun(trainer)
    assert isinstance(trainer.dataloader_train, Feed), scene.log()
    channels = 1 + len(trainer.label_manager.foreground_labels)
    for feed in (trainer.dataloader_train, trainer.dataloader_val):
        batch = next(feed)
        assert batch["data"].shape == (2, channels, *PATCH) == (2, trainer.num_input_channels, *PATCH)
        assert set(batch["data"][:, 1:].unique().tolist()) <= {0.0, 1.0}
        feed.close()


def test_a_trainers_own_loaders_are_used_and_named(scene: Scene) -> None:
    class Own(stock_trainer()):  # type: ignore[misc]
        def get_dataloaders(self) -> Any:
            return "mine", "mine too"

    trainer = begun(scene.trainer(with_holter_loader(Own)))
    assert (trainer.dataloader_train, trainer.dataloader_val) == ("mine", "mine too")
    assert "the trainer's own get_dataloaders is used: Own defines it" in scene.log()


def test_an_unknown_transform_runs_as_it_is_and_is_named(scene: Scene) -> None:
    from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform

    class Marking(BasicTransform):
        def __call__(self, **sample: Any) -> dict[str, Any]:
            return {**sample, "image": sample["image"] * 0 + 7}

    class Own(stock_trainer()):  # type: ignore[misc]
        @staticmethod
        def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
            compose = stock_trainer().get_training_transforms(*args, **kwargs)
            compose.transforms.append(Marking())
            return compose

    trainer = begun(scene.trainer(with_holter_loader(Own)))
    assert next(trainer.dataloader_train)["data"].unique().tolist() == [7.0]
    assert "no transform of Holter's for Marking: nnU-Net's own runs on the CPU for that step" in scene.log()
    trainer.dataloader_train.close()


@pytest.mark.parametrize("why", ["version", "dataset", "loader"])
def test_what_was_not_compared_is_left_to_stocks_own_loader(
    scene: Scene, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnunetv2.training.dataloading import nnunet_dataset
    from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as module  # noqa: N813 -- it has the name of its class

    class OwnData(nnunet_dataset.nnUNetDatasetBlosc2):
        pass

    class OwnLoader(module.nnUNetDataLoader):
        pass

    trainer = scene.trainer()
    trainer.initialize()
    if why == "version":
        monkeypatch.setattr(module.nnUNetTrainer, "on_train_epoch_end", lambda *_: None)
    elif why == "dataset":
        trainer.dataset_class = OwnData
    else:
        monkeypatch.setattr(module, "nnUNetDataLoader", OwnLoader)
    train, val = trainer.get_dataloaders()
    assert {type(train).__name__, type(val).__name__} == {"SingleThreadedAugmenter"}
    reason = {
        "version": "its nnUNetTrainer.on_train_epoch_end is not that of",
        "dataset": "OwnData",
        "loader": "OwnLoader",
    }[why]
    assert "nnU-Net's own data loader is used: " in scene.log() and reason in scene.log()


def test_the_environment_can_ask_for_stocks_own_loader(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLTER_LOADER", "stock")
    trainer = begun(scene.trainer())
    assert type(trainer.dataloader_train).__name__ == "SingleThreadedAugmenter"
    assert "nnU-Net's own data loader is used: HOLTER_LOADER=stock" in scene.log()


def test_a_gpu_that_cannot_resample_is_done_without_before_the_first_batch(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is none here: its memory cannot be asked for, and to resample there is really tried."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.setattr(make_feeds, "shortage", lambda *_: None)
    trainer = scene.trainer()
    trainer.initialize()
    stock = set_up(functools.partial(stock_trainer().get_dataloaders, trainer))
    facts = trainer._holter_facts(make_feeds.LoaderLog(trainer.print_to_log_file), seed=3)
    feeds = make_feeds.make_feeds(
        stock, facts._replace(device=torch.device("cuda:0")), Settings(threads=1, transforms_on_gpu=True)
    )
    assert [feed.place for feed in feeds] == [Place("cpu"), Place("cpu")]
    assert "transforms cannot run on this GPU and run on the CPU" in scene.log()


def test_nothing_is_started_while_stocks_loaders_are_looked_at(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    trainer = scene.trainer()
    trainer.initialize()
    traces = Traces()
    trainer.get_dataloaders()
    assert traces.new() == set()


# --- names ------------------------------------------------------------------------------------------------------


def test_the_class_keeps_its_name_so_that_folders_and_checkpoints_are_stocks(scene: Scene, tmp_path: Path) -> None:
    ours, stock = scene.trainer(), scene.trainer(stock_trainer())
    assert ours.output_folder == stock.output_folder
    assert with_holter_loader(type(ours)) is type(ours)
    ours.initialize()
    file = str(tmp_path / "checkpoint_latest.pth")
    ours.save_checkpoint(file)
    saved = torch.load(file, weights_only=False)
    assert saved["trainer_name"] == "nnUNetTrainer"
    assert entry_in(file)["loaders"]["dataloader_train"] == {"seeds": None}
    stock.load_checkpoint(file)
    assert equal(stock.network.state_dict(), ours.network.state_dict())


def test_the_trainer_in_the_folder_for_users_can_be_used_where_holter_is_not(scene: Scene, tmp_path: Path) -> None:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

    told = subprocess.run([sys.executable, "-m", "holter.trainer.folder"], capture_output=True, text=True, check=True)
    folder = told.stdout.strip()
    found = recursive_find_python_class(
        folder, "nnUNetTrainerHolter", None, base_folder=folder, cleanup_imports_from_base_folder=True
    )
    assert issubclass(found, HolterLoading) and issubclass(found, stock_trainer())
    trainer = scene.trainer(found)
    assert Path(trainer.output_folder_base).name == f"nnUNetTrainerHolter__nnUNetPlans__{CONFIGURATION}"
    begun(trainer)
    assert isinstance(trainer.dataloader_train, Feed)
    trainer.save_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    for name, content in (("plans", trainer.plans_manager.plans), ("dataset", trainer.dataset_json)):
        (Path(trainer.output_folder_base) / f"{name}.json").write_text(json.dumps(content))
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(trainer.output_folder_base, (0,))
    assert predictor.trainer_name == "nnUNetTrainer"
    assert equal(predictor.network.state_dict(), trainer.network.state_dict())

    class Derived(found):
        """A user's own, which only the user's installation knows."""

    derived = scene.trainer(Derived)
    derived.initialize()
    derived.save_checkpoint(str(tmp_path / "derived.pth"))
    assert torch.load(tmp_path / "derived.pth", weights_only=False)["trainer_name"] == "Derived"


# --- how it is found --------------------------------------------------------------------------------------------


def test_holter_train_puts_its_loader_under_the_trainer_it_is_told() -> None:
    with_ours, without = (entry.find("nnUNetTrainer", loader=loader) for loader in ("holter", "stock"))
    assert issubclass(with_ours, HolterLoading) and with_ours.__name__ == "nnUNetTrainer"
    assert without is stock_trainer()
    assert entry.find("nnUNetTrainerHolter", loader="holter").__name__ == "nnUNetTrainerHolter"


def test_the_processes_of_several_gpus_can_be_told() -> None:
    sent = pickle.loads(pickle.dumps(functools.partial(entry.run_rank, "holter")))
    assert (sent.func, sent.args) == (entry.run_rank, ("holter",))


def test_options_of_ours_do_not_reach_nnunet(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnunetv2.run import run_training

    seen: list[str] = []
    monkeypatch.setattr(run_training, "run_training_entry", lambda: seen.extend(sys.argv))
    monkeypatch.setattr(run_training, "run_ddp", run_training.run_ddp)
    monkeypatch.setattr(run_training, "recursive_find_trainer_class_by_name", None)
    monkeypatch.setenv("HOLTER_LOADER_STRICT", "")
    monkeypatch.setattr(sys, "argv", ["entry", "4", "2d", "0", "--loader", "stock", "-tr", "Mine", "--strict", "--c"])
    entry.main()
    assert seen == ["entry", "4", "2d", "0", "-tr", "Mine", "--c"]
    assert run_training.recursive_find_trainer_class_by_name.keywords == {"loader": "stock"}
    assert os.environ["HOLTER_LOADER_STRICT"] == "1"


def test_a_gpu_place_is_told_from_others() -> None:
    assert Place("cuda:0").is_gpu and not Place("cpu").is_gpu
