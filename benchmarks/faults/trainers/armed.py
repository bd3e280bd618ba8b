"""For trainers of the lab: tells when to cause the fault. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path


def is_armed() -> bool:
    """Whether the lab has created the file."""
    return Path(os.environ["FAULTLAB_ARMED_BY"]).exists()
