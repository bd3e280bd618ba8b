"""For trainers of the lab: whether it is time to go wrong. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path


def is_armed() -> bool:
    """Whether the lab has put the file there."""
    return Path(os.environ["FAULTLAB_ARMED_BY"]).exists()
