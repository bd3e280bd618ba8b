"""Standard input, output and error as a command line finds them: closed, or in an encoding that lacks our letters."""

from __future__ import annotations

import io
import os
import sys


def repair() -> None:
    """Make the three standard streams usable; a command that is started then finds them as they were.

    A closed descriptor is given to /dev/null, closed again in every child: else the next file that is opened, the
    tape perhaps, would get its number, and whatever writes to stderr would write into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)  # gets the lowest number that is free: this one
    # None, where Python found them closed. print(file=None) would write to stdout.
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - until the process ends
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
