"""What the hook may change in the training, in addition to recording it; nothing unless the user allowed it."""

from __future__ import annotations

import os

GRANTED = frozenset(filter(None, os.environ.get("HOLTER_HEAL", "").split(",")))


def is_allowed(power: str) -> bool:
    """Whether the hook may change ``workers``, ``checkpoints`` or ``validation``."""
    return power in GRANTED
