"""Nothing is visible on the console: output is buffered and thrown away."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faultlab.fault import Healthy


class ConsoleHidden(Healthy):
    """As under nohup or a scheduler."""

    name = "console-hidden"
    summary = "the output goes nowhere"
    epochs = 2

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Throw the output away."""
        return ["/bin/sh", "-c", 'exec "$0" "$@" > /dev/null 2>&1', *command]


SCENARIO = ConsoleHidden
