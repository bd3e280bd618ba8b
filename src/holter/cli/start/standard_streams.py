"""Repair standard streams that are closed, or whose encoding does not have Holter's characters."""

from __future__ import annotations

import io
import os
import select
import sys


def repair() -> None:
    """Make the three standard streams usable for this process; commands that it starts get them unchanged.

    A closed descriptor is opened on /dev/null, and closed again in every child. Otherwise the next file that is opened,
    perhaps the tape, would get its number, and everything written to stderr would go into that file.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)  # gets the lowest free number: this one
    # Python sets a closed stream to None, and print(file=None) would write to stdout.
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - until the process ends
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def without(characters: str) -> str | None:
    """Return the encoding of stdout or stderr if it does not have these characters; None if both have them."""
    for stream in (sys.stdout, sys.stderr):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        try:
            characters.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return encoding
    return None


def lost_reader() -> bool:
    """Return whether nobody reads stdout any more, as after ``| head``; if so, what is left to write goes nowhere."""
    if not hasattr(select, "poll"):  # Windows
        return False
    watch = select.poll()
    watch.register(1, 0)
    if not any(events & select.POLLERR for _, events in watch.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return True


def give_up_stdout() -> None:
    """Send what is left to write nowhere if it cannot be written (a full disk): Python would fail again at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
