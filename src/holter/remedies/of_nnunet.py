"""Commands that apply only to nnU-Net: its settings, files and packages mean nothing to another program."""

from __future__ import annotations

import re

from holter.patterns import later

_COMMAND = later(r"nnunet|batchgen|\{(?:preprocessed|results|continue|validate)\}", re.IGNORECASE)


def is_of_nnunet(command: str) -> bool:
    """Return whether a command, with its blanks not yet filled, applies only to nnU-Net's trainings."""
    return _COMMAND.search(command) is not None
