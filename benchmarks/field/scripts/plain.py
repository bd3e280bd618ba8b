"""A script without torch: it computes a little, sleeps, and ends; ``raise``: with an error, ``3``: with that code.

``imports``: it imports batchgenerators, like a script for nnU-Net's data, and sleeps longer than a start may take.
"""

from __future__ import annotations

import sys
import time

SLEEPS_S, SLEEPS_LONG_S = 75.0, 215.0


class TableError(Exception):
    """The script's own exception."""


def main() -> int:
    """Run; return the exit code."""
    how = sys.argv[1] if len(sys.argv) > 1 else "ends"
    print("reading the table", flush=True)
    if how == "3":
        time.sleep(4.0)
        return 3
    if how == "imports":
        import batchgenerators.dataloading.multi_threaded_augmenter  # noqa: F401 - the import is enough
    total = sum(number * number for number in range(2_000_000))
    time.sleep(SLEEPS_LONG_S if how == "imports" else SLEEPS_S)
    if how == "raise":
        raise TableError("row 17 has no column 'age'")
    print(f"done: {total}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
