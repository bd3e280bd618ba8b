"""The step that does not wait for the GPU gives stock's weights and losses; a full GPU does not cost a step."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from holter.trainer.feed import Feed, Place
from holter.trainer.loading import with_holter_loader
from holter.trainer.step import HolterStep, fetched
from trainer.scene import PATCH, Scene, equal, stock_trainer

OutOfMemory = torch.cuda.OutOfMemoryError


def batches(trainer: Any, number: int) -> list[dict[str, Any]]:
    draw = torch.Generator().manual_seed(7)
    scales = trainer._get_deep_supervision_scales()
    sizes = [[round(size * scale) for size, scale in zip(PATCH, scales_, strict=True)] for scales_ in scales]
    labels = max(trainer.label_manager.all_labels) + 1
    return [
        {
            "data": torch.randn((2, trainer.num_input_channels, *PATCH), generator=draw),
            "target": [torch.randint(labels, (2, 1, *size), generator=draw, dtype=torch.int16) for size in sizes],
        }
        for _ in range(number)
    ]


def trained(trainer: Any, number: int = 4) -> Any:
    """After one epoch of the same batches."""
    trainer.initialize()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    trainer.on_train_epoch_end([trainer.train_step(batch) for batch in batches(trainer, number)])
    return trainer


def state(trainer: Any) -> dict[str, Any]:
    return {
        "network": trainer.network.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "losses": trainer.logger.get_value("train_losses", step=None),
    }


@pytest.mark.training
def test_weights_momentum_and_losses_are_stocks_to_the_bit(scene: Scene) -> None:
    stock, ours = trained(scene.trainer(stock_trainer())), trained(scene.trainer())
    assert isinstance(ours, HolterStep)
    assert equal(state(stock), state(ours))
    assert type(state(ours)["losses"][0]) is type(state(stock)["losses"][0])
    assert not equal(state(ours), state(trained(scene.trainer(), 3)))  # the comparison can fail


@pytest.mark.training
def test_a_loss_is_fetched_when_the_epoch_ends_and_not_before(scene: Scene) -> None:
    trainer = scene.trainer()
    trainer.initialize()
    losses = [trainer.train_step(batch)["loss"] for batch in batches(trainer, 2)]
    assert all(isinstance(loss, torch.Tensor) and not loss.requires_grad for loss in losses)
    handed_on = fetched([{"loss": loss} for loss in losses])
    assert [type(output["loss"]) for output in handed_on] == [np.ndarray, np.ndarray]
    assert [(output["loss"].shape, output["loss"].item()) for output in handed_on] == [
        ((), loss.item()) for loss in losses
    ]


class Asked(TorchDispatchMode):
    """Counts how often a number is asked for, which on a GPU waits for all that was started there."""

    times = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.times += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


@pytest.mark.training
def test_a_step_asks_for_no_number(scene: Scene) -> None:
    trainer = scene.trainer()
    trainer.initialize()
    with Asked() as asked:
        loss = trainer.train_step(batches(trainer, 1)[0])["loss"]
        assert asked.times == 0
        loss.item()
    assert asked.times == 1


def test_what_is_no_tensor_is_handed_on_as_it_is() -> None:
    outputs = [{"loss": np.float32(1)}, {"loss": np.float32(2)}]
    assert fetched(outputs) == outputs
    assert fetched([]) == []


@pytest.mark.training
def test_a_step_of_the_users_own_stays(scene: Scene) -> None:
    class Own(stock_trainer()):  # type: ignore[misc]
        def train_step(self, batch: dict) -> dict:
            return {**super().train_step(batch), "mine": np.zeros(1)}

    class Looking(stock_trainer()):  # type: ignore[misc]
        def run_training(self) -> None:
            raise NotImplementedError

    assert not issubclass(with_holter_loader(Own), HolterStep)
    assert not issubclass(with_holter_loader(Looking), HolterStep)
    assert issubclass(with_holter_loader(stock_trainer()), HolterStep)


class FullGpu(torch.nn.Module):
    """Stands for a GPU without memory: the real one is not there to be filled."""

    def __init__(self, network: Any, failures: int) -> None:
        super().__init__()
        self.network, self.failures = network, failures

    def forward(self, data: Any) -> Any:
        out = self.network(data)
        if self.failures:
            self.failures -= 1
            raise OutOfMemory("CUDA out of memory. Tried to allocate 20.00 MiB")
        return out


@pytest.mark.training
@pytest.mark.parametrize("failures", [1, 2])
def test_out_of_memory_takes_the_transforms_off_the_gpu_and_repeats_the_step(scene: Scene, failures: int) -> None:
    trainer = scene.trainer()
    trainer.initialize()
    trainer.on_train_epoch_start()
    told: list[str] = []
    feed = Feed(lambda *_: None, Place("cuda:0"), 1, 0, Told(told))  # type: ignore[arg-type]
    trainer.dataloader_train = trainer.dataloader_val = feed
    whole, trainer.network = trainer.network, FullGpu(trainer.network, failures)
    steps = batches(trainer, 2)
    if failures == 2:  # the transforms were not to blame
        with pytest.raises(OutOfMemory):
            trainer.train_step(steps[0])
        return
    for step in steps:
        trainer.train_step(step)
    assert feed.place == Place("cpu")
    assert told == ["gpu-out-of-memory"]
    untroubled = scene.trainer()
    untroubled.initialize()
    untroubled.on_train_epoch_start()
    for step in steps:
        untroubled.train_step(step)
    assert equal(whole.state_dict(), untroubled.network.state_dict())


@pytest.mark.training
def test_a_gpu_that_is_almost_full_in_one_epoch_loses_the_transforms(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch counts how often it had to empty its cache; those of the first epoch may belong to the network."""
    trainer = scene.trainer()
    trainer.initialize()
    trainer.on_epoch_start()
    told: list[str] = []
    feed = Feed(lambda *_: None, Place("cuda:0"), 1, 0, Told(told))  # type: ignore[arg-type]
    trainer.dataloader_train = trainer.dataloader_val = feed
    places = []
    for count in (5, 5, 7, 9):
        monkeypatch.setattr(torch.cuda, "memory_stats", lambda *_, count=count: {"num_alloc_retries": count})
        trainer.on_train_epoch_end([{"loss": np.float32(1)}])
        places.append(feed.place.device)
    assert places == ["cuda:0", "cuda:0", "cpu", "cpu"]
    assert told == ["gpu-crowded"]


@pytest.mark.training
@pytest.mark.parametrize("failures", [1, 2])
def test_out_of_memory_in_a_validation_step_is_made_room_for_too(scene: Scene, failures: int) -> None:
    described = scene.described()
    labels = {**described["labels"], "ignore": len(described["labels"])}
    trainer = scene.trainer(dataset={**described, "labels": labels})
    trainer.initialize()
    trainer.network.eval()
    told: list[str] = []
    feed = Feed(lambda *_: None, Place("cuda:0"), 1, 0, Told(told))  # type: ignore[arg-type]
    batch = batches(trainer, 1)[0]
    batch["target"][0][..., ::3] = trainer.label_manager.ignore_label
    kept = {**batch, "target": [target.clone() for target in batch["target"]]}
    trainer.dataloader_train = trainer.dataloader_val = feed
    trainer.network = FullGpu(trainer.network, failures)
    # stock's own calculation of Dice: what comes before it has written over the ignore label
    module = sys.modules[stock_trainer().__module__]
    count = module.get_tp_fp_fn_tn

    def full(*args: Any, **kwargs: Any) -> Any:
        if feed.place.is_gpu:
            raise OutOfMemory("CUDA out of memory. Tried to allocate 20.00 MiB")
        return count(*args, **kwargs)

    if failures == 2:
        with pytest.raises(OutOfMemory):
            trainer.validation_step(batch)
        return
    trainer.network.failures = 0
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(module, "get_tp_fp_fn_tn", full)
        found = trainer.validation_step(batch)
        assert (feed.place, told) == (Place("cpu"), ["gpu-out-of-memory"])
        wanted = stock_trainer().validation_step(trainer, kept)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.training
def test_a_validation_step_of_the_users_own_is_not_done_twice(scene: Scene) -> None:
    calls: list[int] = []

    class Own(stock_trainer()):  # type: ignore[misc]
        def validation_step(self, batch: dict) -> dict:
            calls.append(1)
            raise OutOfMemory("CUDA out of memory")

    trainer = scene.trainer(with_holter_loader(Own))
    trainer.initialize()
    trainer.dataloader_train = trainer.dataloader_val = Feed(lambda *_: None, Place("cuda:0"), 1, 0, Told([]))  # type: ignore[arg-type]
    with pytest.raises(OutOfMemory):
        trainer.validation_step({})
    assert calls == [1]


class Told:
    """Stands for the log."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def say(self, key: str, **_: object) -> None:
        self.told.append(key)
