"""For trainers of the lab: tells when to cause the fault. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path


def is_armed() -> bool:
    """Whether the lab has created the file."""
    return _file().exists()


def disarm() -> bool:
    """Remove the file; return whether this process was the one that did."""
    try:
        _file().unlink()
    except FileNotFoundError:
        return False
    return True


def is_first(taken: Path) -> bool:
    """Whether this process is the first one that gets here since it is armed; ``taken`` marks that one was."""
    if not is_armed():
        return False
    try:
        taken.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _file() -> Path:
    return Path(os.environ["FAULTLAB_ARMED_BY"])
