"""A script without torch: it computes a little, sleeps, and ends; ``raise``: with an error, ``3``: with that code.

``imports``: it has batchgenerators, as a script for nnU-Net's data has, and sleeps for longer than a start may take.
"""

from __future__ import annotations

import sys
import time

SLEEPS_S, SLEEPS_LONG_S = 75.0, 215.0


class TableError(Exception):
    """What this script knows of trouble."""


def main() -> int:
    """Exit code."""
    how = sys.argv[1] if len(sys.argv) > 1 else "ends"
    print("reading the table", flush=True)
    if how == "3":
        time.sleep(4.0)
        return 3
    if how == "imports":
        import batchgenerators.dataloading.multi_threaded_augmenter  # noqa: F401 - what it has is enough
    total = sum(number * number for number in range(2_000_000))
    time.sleep(SLEEPS_LONG_S if how == "imports" else SLEEPS_S)
    if how == "raise":
        raise TableError("row 17 has no column 'age'")
    print(f"done: {total}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
