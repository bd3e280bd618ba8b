"""What a checkpoint holds beside nnU-Net's own entries, so that a continued training is the same one.

The hook of ``holter train`` writes the same entry (``hook/checkpoints/rng_state.py``). It is written here too, because
the trainer also works without the hook.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from holter import __version__
from holter.hook.checkpoints import rng_state
from holter.hook.checkpoints.verify import OWN_KEY as OWN_KEY

Entry = dict[str, Any]


def entry_for(trainer: Any, epochs_done: int | None) -> Entry:
    """Random generators and loaders of a trainer."""
    return {**rng_state.take(trainer, epochs_done), "version": __version__}


@contextmanager
def added(entries: Callable[[Entry], Entry]) -> Iterator[None]:
    """Inside, checkpoints that this thread saves get more entries; ``entries`` is called with what nnU-Net saves."""
    save, mine = torch.save, threading.get_ident()

    def save_with_ours(obj: Any, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == mine and type(obj) is dict and "network_weights" in obj:
            obj = {**obj, **entries(obj)}
        return save(obj, *args, **kwargs)

    torch.save = save_with_ours
    try:
        yield
    finally:
        if torch.save is save_with_ours:
            torch.save = save


def entry_in(checkpoint: Any) -> Entry | None:
    """Our entry in a checkpoint, given as its file or its contents; None if it has none."""
    if not isinstance(checkpoint, dict):
        # Mapped: the weights, which nnU-Net has just read, are not read again.
        try:
            checkpoint = torch.load(checkpoint, map_location="cpu", weights_only=False, mmap=True)
        except (RuntimeError, ValueError, OSError):  # of a format that cannot be mapped: not one of ours
            return None
    found = checkpoint.get(OWN_KEY)
    return found if isinstance(found, dict) else None


def loader_state(entry: Entry | None, name: str) -> dict[str, int] | None:
    """Where one of Holter's loaders stood; None if the checkpoint was saved with another loader."""
    state = (entry or {}).get("loaders", {}).get(name, {}).get("state")
    if not isinstance(state, dict) or not {"seed", "stream", "step"} <= set(state):
        return None
    return state


def restore_generators(entry: Entry) -> bool:
    """Set the random generators as they were; False where something does not fit here."""
    return "generators" not in entry or rng_state.restore(entry) is None
