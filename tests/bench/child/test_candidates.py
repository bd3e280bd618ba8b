"""What a block does with a loader that never gives a batch, and with a network that is compiled or not."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from holter.bench.child import compiled
from holter.bench.child.candidates import Watched
from holter.bench.child.reading import augmenter_of


class Hanging:
    def set_thread_id(self, number: int) -> None:
        pass

    def __next__(self) -> Any:
        time.sleep(600)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # its own thread says it too
def test_workers_that_give_no_batch_are_killed_and_the_wait_ends() -> None:
    augmenter = augmenter_of(Hanging(), 2)
    watched = Watched(augmenter, 0.3)
    with pytest.raises(RuntimeError, match="no longer alive"):
        next(watched)
    watched.close()
    assert augmenter._processes == []


@pytest.mark.slow
@pytest.mark.parametrize("is_compiled_now", [True, False])
def test_compiled_and_plain_steps_are_compared_and_the_network_is_put_back(
    is_compiled_now: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a backend that changes nothing, because a real one needs a C++ compiler and a minute."""
    compile_with = torch.compile
    monkeypatch.setattr(torch, "compile", lambda network: compile_with(network, backend="eager"))
    monkeypatch.setattr(compiled, "BLOCK_S", 0.02)
    network = torch.nn.Linear(8, 8)
    own = torch.compile(network) if is_compiled_now else network
    seen = []

    def train_step(batch: dict[str, Any]) -> None:
        seen.append(trainer.network)
        trainer.network(batch["data"]).sum().backward()

    trainer = SimpleNamespace(device=torch.device("cpu"), network=own, train_step=train_step, dataloader_train=None)
    assert compiled.is_compiled(trainer) == is_compiled_now
    ratio = compiled.compare_compiled(trainer, {"data": torch.ones(2, 8), "target": torch.ones(2)}, 0.1)
    assert ratio is not None and ratio.value > 0
    assert trainer.network is own and trainer.dataloader_train is None
    assert {hasattr(each, "_orig_mod") for each in seen} == {True, False}
