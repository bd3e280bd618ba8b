"""The Python that docs/loader.md shows trains with Holter's loader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from holter.trainer.feed import Feed
from trainer.scene import Scene, stock_trainer

PAGE = Path(__file__).resolve().parents[2] / "docs/loader.md"
STOCK = stock_trainer()


class nnUNetTrainer(STOCK):  # type: ignore[misc, valid-type] # noqa: N801
    """What the page imports, but short and on the CPU."""

    def __init__(self, plans: Any, configuration: Any, fold: Any, dataset_json: Any, device: Any = None) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device or torch.device("cpu"))
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = 1, 2, 1


@pytest.mark.training
@pytest.mark.long
def test_the_code_of_the_page_trains_with_holters_loader(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    monkeypatch.setattr(f"{STOCK.__module__}.nnUNetTrainer", nnUNetTrainer)
    names: dict[str, Any] = {"plans": scene.plans(), "dataset_json": scene.described()}
    del names["plans"]["continue_training"]  # the code sets it
    exec(code, names)
    trainer = names["trainer"]
    assert isinstance(trainer.dataloader_train, Feed)
    assert (Path(trainer.output_folder) / "checkpoint_final.pth").is_file()
