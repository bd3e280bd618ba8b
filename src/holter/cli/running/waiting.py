"""Progress while ``holter train`` waits: a counting line on a terminal, a line every few minutes in a file."""

from __future__ import annotations

import os
import sys
import time

from holter.cli.running.listener import StderrListener
from holter.cli.running.status_line import is_foreground
from holter.records import Message
from holter.reports.catalogue import Lang
from holter.reports.live import lines as live

# A log file should show how long the wait took, without being flooded.
LINE_EVERY_S = 180.0


class Waits:
    """Prints the progress of a wait. Call ``close`` before anything else is printed."""

    def __init__(self, speaker: StderrListener, lang: Lang, *, quiet: bool) -> None:
        self._speaker = speaker
        self._progress = live.Progress(sys.stderr, lang) if _has_terminal() and not quiet else None
        self._line_s = time.monotonic()

    def say(self, message: Message) -> None:
        """Print a new line that stays."""
        self.close()
        self._speaker.note(message)
        self._line_s = time.monotonic()

    def show(self, message: Message) -> None:
        """Update the progress line; without a terminal, print it every LINE_EVERY_S."""
        if self._progress is not None:
            self._progress.waiting(message)
        elif time.monotonic() - self._line_s >= LINE_EVERY_S:
            self.say(message)

    def close(self) -> None:
        """Clear the progress line."""
        if self._progress is not None:
            self._progress.clear()


def _has_terminal() -> bool:
    # Only a command in the foreground shows a line: several at once would overwrite each other's.
    # After ``su`` the terminal belongs to another user; a line is possible only if it can be opened again.
    if not is_foreground(sys.stderr) or not os.access(f"/proc/self/fd/{sys.stderr.fileno()}", os.W_OK):
        return False
    return sys.stdin is not None and sys.stdin.isatty()  # "command &" in a script has no input
