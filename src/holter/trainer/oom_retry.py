"""If the GPU is out of memory, move the transforms to the CPU and repeat the failed step.

A validation step only reads the network, and a training step changes nothing before the optimiser's step: both can be
repeated. A user's own step is not repeated, because what it did before it failed is unknown. Nor is the optimiser's
own step, which allocates memory for its momentum the first time.

A GPU that is almost full raises no error: torch frees all that it has cached, for which the GPU waits, and tries
again. If that happens in an epoch, the transforms leave the GPU, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from holter.trainer.feed import Feed
from holter.trainer.stock_loaders import TRAINER_MODULE, defined_by

if TYPE_CHECKING:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as Trainer
else:
    Trainer = object


class HolterOomRetry(Trainer):  # type: ignore[misc]
    """Base class of every trainer with Holter's loader: handles a GPU that is out of memory in the validation step."""

    _holter_retries: int | None = None  # at the end of the last epoch; the first one may need some

    def on_train_epoch_end(self, train_outputs: Sequence[dict[str, Any]]) -> None:
        """Do what nnU-Net's trainer does; if the GPU was almost full in this epoch, move the transforms to the CPU."""
        super().on_train_epoch_end(train_outputs)
        if not self._holter_can_free_gpu():
            return
        emptied = torch.cuda.memory_stats(self.device).get("num_alloc_retries", 0)
        before, self._holter_retries = self._holter_retries, int(emptied)
        if before is not None and self._holter_retries > before:
            self._holter_free_gpu(retries=self._holter_retries - before)

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run nnU-Net's validation step; if the GPU is out of memory, move the transforms to the CPU and repeat it."""
        owner = defined_by(type(self), "validation_step", below=HolterOomRetry)
        if owner.__module__ != TRAINER_MODULE or not self._holter_can_free_gpu():
            return super().validation_step(batch)  # type: ignore[no-any-return]
        again = _safe_from_stock(batch) if self.label_manager.has_ignore_label else batch
        try:
            return super().validation_step(batch)  # type: ignore[no-any-return]
        except torch.cuda.OutOfMemoryError:
            pass  # repeated below: in the handler, the traceback would keep the network's output in memory
        self._holter_free_gpu()
        return super().validation_step(again)  # type: ignore[no-any-return]

    def _holter_can_free_gpu(self) -> bool:
        # Whether transforms run on the GPU. False with several GPUs, where the others would wait for this one.
        return not self.is_ddp and any(feed.place.is_gpu for feed in self._holter_feeds_with_place())

    def _holter_free_gpu(self, retries: int = 0) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        for feed in self._holter_feeds_with_place():
            feed.move_to_cpu(retries=retries)

    def _holter_feeds_with_place(self) -> list[Feed]:
        return [feed for feed in (self.dataloader_train, self.dataloader_val) if isinstance(feed, Feed)]


def _safe_from_stock(batch: dict[str, Any]) -> dict[str, Any]:
    # With a copy of the target: stock overwrites the ignore label in the full-resolution one.
    target = batch["target"]
    kept = [target[0].clone(), *target[1:]] if isinstance(target, list) else target.clone()
    return {**batch, "target": kept}
