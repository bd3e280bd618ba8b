"""Set up a training to measure: the trainer with its own loader and Holter's, or a code for what is missing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holter.bench.child.training import Training, build, chosen_device, set_threads
from holter.bench.records import Order
from holter.errors import LoaderNotReplaced
from holter.probes.training.remarks import said_by
from holter.records import Text
from holter.trainer.auto.decide import SEED, sample_of
from holter.trainer.auto.proof import why_different
from holter.trainer.find import find_trainer
from holter.trainer.loading import with_holter_loader
from holter.trainer.make_feeds import training_feed
from holter.trainer.same_code import check_code

Tell = Callable[[str], None]


class Trouble(Exception):
    """A measurement that cannot be made: a code, and the error as its cause."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def opened(order: Order, scratch: Path, tell: Tell) -> tuple[Training, str]:
    """Return the training and its device, "cuda" or "cpu".

    Raises:  Trouble if the training cannot be set up here.
    """
    device = chosen_device(order.device)
    if device == "cuda" and not torch.cuda.is_available():
        raise Trouble("no-gpu")
    set_threads(device)
    tell("building")
    try:
        found = find_trainer(order.trainer)
        if found is None:
            raise LookupError(order.trainer)
        trainer_class = with_holter_loader(found)
    except Exception as error:  # an unknown name, or an import of nnU-Net's search or of the trainer's module fails
        raise Trouble("no-trainer") from error
    try:
        return build(order, trainer_class, device, scratch), device
    except LoaderNotReplaced as error:
        raise Trouble("own-loader") from error
    except torch.cuda.OutOfMemoryError as error:
        raise Trouble("no-gpu-memory") from error
    except OSError as error:
        raise Trouble("no-space" if error.errno == errno.ENOSPC else "files") from error


def prove(training: Training, leave_out: Callable[[str, Text], None]) -> int | None:
    """Return how many of Holter's transforms are proved equal to nnU-Net's, on a sample of this training.

    None if one differs, or if Holter's loader cannot be used; then ``leave_out`` gets a code and the reason.
    """
    loader, labels = training.stock.train, training.trainer.label_manager
    try:
        check_code()
        chain = training_feed(training.stock, training.facts)[0]
        image, seg = sample_of(loader)
        ignored = () if labels.ignore_label is None else (int(labels.ignore_label),)
        values = (*(int(label) for label in labels.all_labels), *ignored)
        different = why_different(loader.transforms, chain, image, seg, values, np.random.default_rng(SEED))
    except Exception as error:  # noqa: BLE001 - nnU-Net's own loader is measured all the same
        leave_out("holter", said_by(error))
        return None
    if different is not None:
        leave_out("different", different)
        return None
    return len(chain.steps)


def device_name(device: str) -> str:
    """Return the name of the GPU or the processor."""
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return os.uname().machine


def bytes_of(batch: dict[str, Any]) -> int:
    """Return the bytes of a batch's images and targets."""
    target = batch["target"]
    tensors = [batch["data"], *(target if isinstance(target, list) else [target])]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
