"""nnU-Net's training step without waiting for the GPU in each step.

Stock ends each step by fetching the loss, so the CPU waits until the GPU is done and cannot prepare the launches of the
next step meanwhile. Here losses stay on the device until the epoch ends and are then fetched all at once.
(Torch still waits once: with mixed precision ``GradScaler.step`` reads whether a gradient overflowed.)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from holter.trainer.oom_retry import HolterOomRetry

LONGEST_GRADIENT = 12  # nnU-Net's limit of the norm of all gradients


class HolterStep(HolterOomRetry):
    """A training step that does not wait for the GPU: losses stay on the device until the epoch ends.

    A mixin for trainers that use nnU-Net's own ``train_step`` and ``run_training``. It replaces ``train_step``, and
    ``on_train_epoch_end`` still gets the losses in nnU-Net's format.

    Source:  nnunetv2 2.8.1 nnUNetTrainer.train_step, on_train_epoch_end; equal weights and losses.
    """

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run one step; the returned loss is a tensor on the device. With nnU-Net's own loader, run stock's step."""
        if self.dataloader_train is not None and not self._holter_feeds_with_place():
            return super().train_step(batch)  # type: ignore[no-any-return]
        data = _to(batch["data"], self.device)
        target = _to(batch["target"], self.device)
        loss = None
        try:
            loss = self._holter_gradients(data, target)
        except torch.cuda.OutOfMemoryError:
            if not self._holter_can_free_gpu():
                raise
        if loss is None:  # outside the handler: its traceback would keep all activations in memory
            self._holter_free_gpu()
            loss = self._holter_gradients(data, target)
        self._holter_update()
        return {"loss": loss.detach()}

    def on_train_epoch_end(self, train_outputs: Sequence[dict[str, Any]]) -> None:
        """Fetch all losses from the device, and call stock's method with them in its own format."""
        super().on_train_epoch_end(fetched(train_outputs))

    def _holter_gradients(self, data: Any, target: Any) -> Any:
        # Changes nothing permanent, so it can be repeated.
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda") if self.device.type == "cuda" else nullcontext():
            loss = self.loss(self.network(data), target)
        if self.grad_scaler is None:
            loss.backward()
        else:
            self.grad_scaler.scale(loss).backward()
        return loss

    def _holter_update(self) -> None:
        scaler, optimizer = self.grad_scaler, self.optimizer
        if scaler is not None:
            scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LONGEST_GRADIENT)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()


def _to(tensors: Any, device: Any) -> Any:
    # The loader waits only for CUDA's copies before it reuses a batch's memory; MPS might read it later.
    if isinstance(tensors, list):
        return [_to(each, device) for each in tensors]
    return tensors.to(device, non_blocking=device.type == "cuda")


def fetched(outputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the outputs with losses as numpy arrays without axes; all losses on a device come in one transfer."""
    tensors = [output["loss"] for output in outputs]
    if not tensors or not all(isinstance(tensor, torch.Tensor) for tensor in tensors):
        return list(outputs)
    losses: np.ndarray[Any, Any] = torch.stack(tensors).cpu().numpy()
    return [{**output, "loss": losses[number, ...]} for number, output in enumerate(outputs)]
