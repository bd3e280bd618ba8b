"""Holter's entry in a checkpoint, so that a resumed training continues as if it had not been interrupted.

The hook of ``holter train`` writes the same entry (``hook/checkpoints/rng_state.py``). It is also written here because
the trainer works without the hook, too.
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
    """Return Holter's entry for a checkpoint: the states of the random generators and of the trainer's loaders."""
    return {**rng_state.take(trainer, epochs_done), "version": __version__}


@contextmanager
def added(entries: Callable[[Entry], Entry]) -> Iterator[None]:
    """Context manager: add entries to checkpoints that this thread saves inside the block.

    ``entries`` is called with what nnU-Net saves, and returns the entries to add.
    """
    save, thread_id = torch.save, threading.get_ident()

    def save_with_ours(obj: Any, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == thread_id and type(obj) is dict and "network_weights" in obj:
            obj = {**obj, **entries(obj)}
        return save(obj, *args, **kwargs)

    torch.save = save_with_ours
    try:
        yield
    finally:
        if torch.save is save_with_ours:
            torch.save = save


def entry_in(checkpoint: Any) -> Entry | None:
    """Return our entry in a checkpoint, given as its file or its contents; None if it has none."""
    if not isinstance(checkpoint, dict):
        # Memory-mapped: the weights, which nnU-Net has just read, are not read again.
        try:
            checkpoint = torch.load(checkpoint, map_location="cpu", weights_only=False, mmap=True)
        except (RuntimeError, ValueError, OSError):  # a format that cannot be mapped: not ours
            return None
    entry = checkpoint.get(OWN_KEY)
    return entry if isinstance(entry, dict) else None


def loader_state(entry: Entry | None, name: str) -> dict[str, int] | None:
    """Return the saved seed, stream and step of the Holter loader ``name``; None if a checkpoint has none."""
    state = (entry or {}).get("loaders", {}).get(name, {}).get("state")
    if not isinstance(state, dict) or not {"seed", "stream", "step"} <= set(state):
        return None
    return state
