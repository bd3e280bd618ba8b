"""From the first to the last line, with the final validation."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class AsUsual(Healthy):
    """Nothing is strange."""

    name = "as-usual"
    summary = "a whole training with its final validation"
    validates = True


SCENARIO = AsUsual
