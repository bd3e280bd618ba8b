"""No fault: the demo of a healthy training, which must end without an alarm."""

from __future__ import annotations

from holter.demo.faults.fault import Harmless


class NoFault(Harmless):
    """Does nothing to the training."""
