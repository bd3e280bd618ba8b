"""What a person sees while ``holter train`` waits: a line that counts on a terminal, a line now and then in a file."""

from __future__ import annotations

import os
import sys
import time

from holter.cli.listener import StderrListener
from holter.records import Message
from holter.reports import live
from holter.reports.catalogue import Lang

# A log that is read later shall say how long it took, and not be filled.
LINE_EVERY_S = 180.0


class Waits:
    """Tells of a wait. ``close`` it before anything else is printed."""

    def __init__(self, speaker: StderrListener, lang: Lang, *, quiet: bool) -> None:
        self._speaker = speaker
        self._progress = live.Progress(sys.stderr, lang) if _has_terminal() and not quiet else None
        self._line_s = time.monotonic()

    def say(self, told: Message) -> None:
        """Something new: a line that stays."""
        self.close()
        self._speaker.note(told)
        self._line_s = time.monotonic()

    def show(self, told: Message) -> None:
        """How far it is."""
        if self._progress is not None:
            self._progress.waiting(told)
        elif time.monotonic() - self._line_s >= LINE_EVERY_S:
            self.say(told)

    def close(self) -> None:
        """Take away the line that counts."""
        if self._progress is not None:
            self._progress.clear()


def _has_terminal() -> bool:
    """Whether this is the one command in the foreground: several at once would write over each other's line.

    After ``su`` the terminal belongs to another user, and a line can only be shown where it can be opened once more.
    """
    try:
        is_foreground = os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
        is_foreground &= os.access(f"/proc/self/fd/{sys.stderr.fileno()}", os.W_OK)
    except (OSError, ValueError):
        return False
    return is_foreground and sys.stdin is not None and sys.stdin.isatty()  # "command &" in a script has no input
