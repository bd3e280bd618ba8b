"""Ctrl-C by the person who started it."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.outside import Outside


class Interrupted(Healthy):
    """The training ends, as it was told to."""

    name = "interrupted"
    summary = "a person ends the training with Ctrl-C"
    exit_codes = (130, -signal.SIGINT)

    def inject(self, outside: Outside) -> None:
        """A terminal sends it to all; Holter hands it on where it alone gets it."""
        assert outside.main is not None
        os.killpg(os.getpgid(outside.leader), signal.SIGINT)


SCENARIO = Interrupted
