"""Low process limits that are not reached: the shell allows a little more than the training needs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faultlab.fault import Healthy


class LimitsNotMet(Healthy):
    """As on a login node; four fifths of the descriptors are in use, and nothing is wrong."""

    name = "limits-not-met"
    summary = "ulimit -n 64 -v 3 GB -f 512 KiB -t 1000: low limits, none of which is met"

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Set the limits, then become the training under the same PID."""
        limits = "ulimit -n 64 && ulimit -v 3000000 && ulimit -f 1024 && ulimit -t 1000"
        return ["/bin/sh", "-c", f'{limits} && exec "$0" "$@"', *command]


SCENARIO = LimitsNotMet
