"""Ctrl-C by the user who started it."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside


class Interrupted(Healthy):
    """The training ends as requested."""

    name = "interrupted"
    summary = "a person ends the training with Ctrl-C"
    exit_codes = (130, -signal.SIGINT)

    def inject(self, outside: Outside) -> None:
        """Send SIGINT to all, as a terminal does; Holter passes it on if only Holter gets it."""
        assert outside.main is not None
        os.killpg(os.getpgid(outside.leader), signal.SIGINT)


SCENARIO = Interrupted
