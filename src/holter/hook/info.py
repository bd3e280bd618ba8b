"""Facts that stay the same during a training; written to the page as soon as they are known."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .runtime import RUNTIME, quietly


def publish_info(trainer: Any, readers: Mapping[str, Callable[[Any], Any]] | None = None) -> None:
    """Write the constant facts to the page; call it again when more are known.

    It reads only what the trainer has already computed. ``readers``: fact -> how it is read; None: from nnU-Net v2.
    """
    with quietly("info"):
        info = {name: value for name, read in (readers or INFO).items() if (value := _try(read, trainer)) is not None}
        RUNTIME.page.write_info(info)


def is_compiled(network: Any) -> bool:
    """Whether this network, or the one inside a distributed wrapper, was compiled by ``torch.compile``."""
    return any(type(module).__name__ == "OptimizedModule" for module in (network, getattr(network, "module", None)))


def _try(read: Callable[[Any], Any], trainer: Any) -> Any:
    try:
        return read(trainer)
    except Exception:
        return None


def _version(package: str) -> str | None:
    loaded = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(loaded, str):
        return loaded
    from importlib.metadata import version

    return version(package)


def _plain(value: Any) -> Any:
    # JSON accepts Python numbers only, not those of numpy and torch.
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value


INFO: dict[str, Callable[[Any], Any]] = {
    "trainer": lambda trainer: type(trainer).__name__,
    "dataset": lambda trainer: trainer.plans_manager.dataset_name,
    "configuration": lambda trainer: trainer.configuration_name,
    "fold": lambda trainer: _plain(trainer.fold),
    "plans": lambda trainer: trainer.plans_manager.plans_name,
    "output_folder": lambda trainer: trainer.output_folder,
    "preprocessed_folder": lambda trainer: trainer.preprocessed_dataset_folder,
    "log_file": lambda trainer: trainer.log_file,
    "patch_size": lambda trainer: [int(size) for size in trainer.configuration_manager.patch_size],
    "batch_size": lambda trainer: int(_first(trainer, "batch_size", trainer.configuration_manager)),
    "num_epochs": lambda trainer: int(trainer.num_epochs),
    "train_iterations": lambda trainer: int(trainer.num_iterations_per_epoch),
    "val_iterations": lambda trainer: int(trainer.num_val_iterations_per_epoch),
    "save_every": lambda trainer: int(trainer.save_every),
    "train_workers": lambda trainer: int(trainer.dataloader_train.num_processes),
    "val_workers": lambda trainer: int(trainer.dataloader_val.num_processes),
    "device": lambda trainer: str(trainer.device),
    "compiled": lambda trainer: is_compiled(trainer.network) if trainer.network is not None else None,
    "local_rank": lambda trainer: int(trainer.local_rank),
    "python": lambda _: sys.version.split()[0],
    "nnunetv2": lambda _: _version("nnunetv2"),
    "batchgenerators": lambda _: _version("batchgenerators"),
    "batchgeneratorsv2": lambda _: _version("batchgeneratorsv2"),
    "torch": lambda _: _version("torch"),
    "cuda": lambda _: sys.modules["torch"].version.cuda,
    "executable": lambda _: os.fspath(sys.executable),
}


def _first(trainer: Any, name: str, otherwise: Any) -> Any:
    own = getattr(trainer, name, None)
    return getattr(otherwise, name) if own is None else own
