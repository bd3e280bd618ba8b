"""Holter's own lines are in the console that it reads: stdout and stderr go to one file."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside

LINES = (
    "holter: the training died: RuntimeError: CUDA error: device-side assert triggered",
    "holter:   because OSError: [Errno 28] No space left on device",
    "holter: Traceback (most recent call last):",
)
# Without a line break at its end.
BAR = " 44%|████▍     | 12/27 [00:10<00:12,  1.21it/s]"


class OwnLines(Healthy):
    """The file also has lines of another Holter, which watches another fold."""

    name = "own-lines"
    summary = "lines of Holter about errors are in the console file, also behind a progress bar"
    epochs = 3

    def wrap(self, command: list[str]) -> list[str]:  # type: ignore[override]
        """Redirect both streams to one file."""
        return ["sh", "-c", 'exec "$@" 2>&1', "sh", *command]

    def inject(self, outside: Outside) -> None:
        """Append lines of another Holter."""
        self.strike()
        with outside.output.open("a") as file:
            file.write("\n".join(LINES) + f"\n{BAR}{LINES[1]}\n")


SCENARIO = OwnLines
