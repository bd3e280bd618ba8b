"""Real trainings on the generated brains that take a second or two, in the process of the tests."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.trainer.loading import with_holter_loader
from holter.trainer.shortened import set_seed
from shared_memory import shared_memory

PATCH = [24, 24, 24]
FEATURES = [4, 8, 8]  # with two stages, stock divides the weights of deep supervision by zero


class Scene:
    """One results folder, and trainers with a smaller plan than the demo's."""

    def __init__(self, brain: Prepared, results: Path) -> None:
        self.brain, self.results = brain, results

    def plans(self, **configuration: Any) -> dict[str, Any]:
        plans: dict[str, Any] = json.loads((self.preprocessed / "nnUNetPlans.json").read_text())
        planned = plans["configurations"][CONFIGURATION]
        planned |= {"patch_size": PATCH, "batch_size": 2, **configuration}
        stages = len(FEATURES)
        planned["architecture"]["arch_kwargs"] |= {
            "n_stages": stages,
            "features_per_stage": FEATURES,
            "kernel_sizes": [[3, 3, 3]] * stages,
            "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
            "n_conv_per_stage": [1] * stages,
            "n_conv_per_stage_decoder": [1] * (stages - 1),
        }
        return {**plans, "continue_training": False}

    @property
    def preprocessed(self) -> Path:
        return self.brain.preprocessed / DATASET_NAME

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.preprocessed / "dataset.json").read_text())
        return found

    def trainer(
        self,
        trainer_class: type[Any] | None = None,
        *,
        seed: int = 1,
        dataset: dict[str, Any] | None = None,
        **configuration: Any,
    ) -> Any:
        """With Holter's loader, if no class is given; two epochs of four steps."""
        set_seed(seed)
        trainer = (trainer_class or with_holter_loader(stock_trainer()))(
            plans=self.plans(**configuration),
            configuration=CONFIGURATION,
            fold=0,
            dataset_json=dataset or self.described(),
            device=torch.device("cpu"),
        )
        trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = 2, 4, 2
        return trainer

    def log(self) -> str:
        return "".join(file.read_text() for file in sorted(self.results.rglob("training_log_*.txt")))


def stock_trainer() -> type[Any]:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    found: type[Any] = nnUNetTrainer
    return found


class Traces:
    """What a training may leave behind: threads, processes, shared memory."""

    def __init__(self) -> None:
        self._before = self._now()

    def new(self) -> set[str]:
        return self._now() - self._before

    @staticmethod
    def _now() -> set[str]:
        threads = {f"thread {thread.name}" for thread in threading.enumerate() if thread.name.startswith("holter-")}
        processes = {f"process {child.pid}" for child in psutil.Process().children(recursive=True)}
        return threads | processes | shared_memory()


def equal(one: Any, other: Any) -> bool:
    """To the bit, through dictionaries and lists."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(equal(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other)


@pytest.fixture
def scene(brain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    for name, value in {**brain.environment(), "nnUNet_results": str(tmp_path), "nnUNet_n_proc_DA": "0"}.items():
        monkeypatch.setenv(name, value)
    for name in ("HOLTER_LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("HOLTER_LOADER_THREADS", "2")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Scene(brain, tmp_path)
    torch.set_num_threads(before)
