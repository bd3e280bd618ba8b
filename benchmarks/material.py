"""The generated brains on which the benchmarks train: prepared once, used by all."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from pathlib import Path

from holter.demo.prepare import Prepared, prepare


def prepared_brains() -> Prepared:
    """Return the data, ready for training; kept in the folder for temporary files, so that the next run is quick."""
    folder = Path(tempfile.gettempdir()) / f"holter-benchmarks-{os.getuid()}"

    def tell(stage: str, done: int, _: int | None) -> None:
        if not done:
            say(f"preparing: {stage}")

    # Benchmarks that start together would remove each other's half-made data.
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return prepare(folder, progress=tell)


def say(message: str) -> None:
    """Print progress for the user; it is not part of the result."""
    print(message, file=sys.stderr, flush=True)
