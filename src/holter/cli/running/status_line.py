"""One line at the bottom of a terminal that is rewritten each second, below the output of the training.

The training writes to the same terminal, so the bottom row is taken out of the scrolling region (DECSTBM, as apt does
for its progress bar): what others write scrolls above it.
"""

from __future__ import annotations

import os
import time
from typing import TextIO

from rich.cells import set_cell_size

from holter.reports.live.line_writer import write_or_skip

# In a lower window each row is worth more than the line.
FEWEST_ROWS = 10
# Another size of the window, or a program that has reset the terminal: the region is set again.
AGAIN_S = 60.0
SAVE, RESTORE, CLEAR, DIM, PLAIN = "\x1b7", "\x1b8", "\x1b[K", "\x1b[2m", "\x1b[0m"


class StatusLine:
    """Shows a line if ``out`` is a terminal in which this process is in the foreground; else nothing is written."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out if out is not None and _can_show(out) else None
        self._rows = 0  # of the window when the region was set; 0: it is not
        self._set_s = 0.0

    def show(self, line: str) -> None:
        """Write the line, cut to the width of the window; skipped if the terminal does not take it now."""
        if self._out is None or not is_foreground(self._out):
            return
        try:
            columns, rows = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            return
        if rows < FEWEST_ROWS:
            self.close()
            return
        now_s = time.monotonic()
        start = "" if rows == self._rows and now_s - self._set_s < AGAIN_S else _region(rows, is_new=rows != self._rows)
        text = set_cell_size(line, columns - 1).rstrip()
        if write_or_skip(self._out, f"{start}{SAVE}\x1b[{rows};1H{DIM}{text}{PLAIN}{CLEAR}{RESTORE}") and start:
            self._rows, self._set_s = rows, now_s

    def close(self) -> None:
        """Remove the line; output uses the whole window again."""
        if self._out is not None and self._rows:
            write_or_skip(self._out, f"{SAVE}\x1b[r\x1b[{self._rows};1H{CLEAR}{RESTORE}")
            self._rows = 0


def _region(rows: int, *, is_new: bool) -> str:
    # A cursor in the bottom row is moved up with the text above it. Setting the region moves it to the top.
    make_room = "\n\x1b[1A" if is_new else ""
    return f"{make_room}{SAVE}\x1b[1;{rows - 1}r{RESTORE}"


def _can_show(out: TextIO) -> bool:
    try:
        return out.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")
    except ValueError:  # closed
        return False


def is_foreground(out: TextIO) -> bool:
    """Return whether this process is in the foreground of the terminal ``out``.

    A line of a background job would appear in the midst of what the shell's user types.
    """
    try:
        return os.tcgetpgrp(out.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
