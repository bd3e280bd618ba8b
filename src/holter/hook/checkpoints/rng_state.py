"""The states of random number generators and data loaders, which a resumed training needs to draw the same numbers."""

from __future__ import annotations

import os
import pickle
import random
import sys
from typing import Any

from ..remarks import Remark, remark

LOADERS = ("dataloader_train", "dataloader_val")


def take(trainer: Any, epochs_done: int | None) -> dict[str, Any]:
    """Return what Holter adds to a checkpoint: states of random generators and loaders, and the finished epochs.

    All are plain values and tensors, which ``weights_only`` loading accepts. ``epochs_done``: None if unknown.
    """
    return {
        "version": os.environ.get("HOLTER_VERSION", "unknown"),
        "generators": _generators(),
        "position": {"epoch": epochs_done, "iteration": 0},
        "loaders": {name: _of_loader(getattr(trainer, name, None)) for name in LOADERS},
    }


def _generators() -> dict[str, Any]:
    version, numbers, gauss = random.getstate()
    states: dict[str, Any] = {"python": [version, list(numbers), gauss]}
    if (numpy := sys.modules.get("numpy")) is not None:
        kind, keys, *rest = numpy.random.get_state()
        states["numpy"] = [kind, keys.tolist(), *rest]
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _of_loader(loader: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"seeds": _plain_list(getattr(loader, "seeds", None))}
    tell_state = getattr(loader, "state_dict", None)
    if callable(tell_state):
        try:
            state = tell_state()
            pickle.dumps(state)  # a state that cannot be pickled must not make the checkpoint fail
            entry["state"] = state
        except Exception as error:
            entry["missing"] = repr(error)[:200]
    return entry


def _plain_list(value: Any) -> list[int | None] | None:
    if not isinstance(value, (list, tuple)):
        return None
    return [None if number is None else int(number) for number in value]


def restore(own: dict[str, Any]) -> Remark | None:
    """Restore the states of all random generators from ``own``, which ``take`` has returned; mostly return None.

    If the number of GPUs differs, the generators of the GPUs stay as they are, and the returned remark says so.
    """
    generators = own["generators"]
    version, numbers, gauss = generators["python"]
    random.setstate((version, tuple(numbers), gauss))
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and "numpy" in generators:
        kind, keys, *rest = generators["numpy"]
        numpy.random.set_state((kind, numpy.array(keys, dtype=numpy.uint32), *rest))
    if torch is None or "torch" not in generators:
        return None
    torch.set_rng_state(generators["torch"].cpu())
    saved = generators.get("cuda")
    here = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if saved is None or len(saved) != here:
        return remark("generators-of-gpus", saved=len(saved or ()), here=here) if saved or here else None
    torch.cuda.set_rng_state_all([state.cpu() for state in saved])
    return None


def restore_loaders(own: dict[str, Any], trainer: Any) -> None:
    """Restore the trainer's loaders that have ``load_state_dict``; ``own``: what ``take`` has returned."""
    for name in LOADERS:
        saved, loader = own["loaders"].get(name, {}), getattr(trainer, name, None)
        take_state = getattr(loader, "load_state_dict", None)
        if "state" in saved and callable(take_state):
            take_state(saved["state"])
