"""Select the lines of a log that need parsing: a console of hundreds of megabytes repeats the same few lines.

Parsing a line costs ten times as much as skipping it. Two kinds are skipped: lines of which the parser would use
only the time stamp, and unstamped lines outside a traceback that have no sign of an error.
"""

from __future__ import annotations

from collections import Counter

from holter.patterns import later
from holter.texts.tracebacks import MAX_TRACEBACK_LINES
from holter.texts.training_log import has_sign

_STAMP_CHARS = len("2026-03-01 09:03:25")
# Losses only if they are not numbers any more.
_WANTED = later(
    r"[.\d]{0,8}: (?:Epoch|unpacking|Training done|predicting|Validation|Mean Val|determining|Using|This |Creating"
    r"|Desired|No checkpoint|INFO|(?:train|val)_loss .{0,3}(?:nan|inf))"
)
_OPENS = ("Traceback", "Exception in", "Process ", "terminated with the following", '.py", line ')
# An error's name alone: its message is on the lines below.
_NAME_ALONE = later(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception):?\s*$")
MESSAGE_LINES = 3
# One in this many skipped sentences is passed on for its time stamp.
ONE_IN = 64
# Repeats of the same line are skipped after this many.
ENOUGH_ALIKE = 100
MAX_ALIKE = 5000


class Sieve:
    """Filters the lines of a log one by one, in order; knows whether a traceback may be open."""

    def __init__(self) -> None:
        self._open = 0  # lines that may still belong to a traceback
        self._skipped = 0
        self._after_sign = False  # the line before had a sign of an error
        self._alike: Counter[str] = Counter()

    @property
    def is_open(self) -> bool:
        """Whether the next line may belong to a traceback."""
        return self._open > 0

    def lets_through(self, line: str, *, is_stamped: bool) -> bool:
        """Whether the parser should see this line."""
        if is_stamped:
            self._open = 0
            if _WANTED.match(line, _STAMP_CHARS) or has_sign(line):
                return True
            # The very first one marks the beginning of the run.
            self._skipped += 1
            return self._skipped % ONE_IN == 1
        if self._open:
            self._open -= 1
            return True
        if any(words in line for words in _OPENS):
            self._open = MAX_TRACEBACK_LINES
            return True
        if _NAME_ALONE.match(line):
            self._open = MESSAGE_LINES
            return True
        if not has_sign(line):
            # A blank line ends the message of an error without a traceback: what follows is no part of it.
            ends, self._after_sign = self._after_sign and not line.strip(), False
            return ends
        self._after_sign = True
        if len(self._alike) >= MAX_ALIKE:
            self._alike.clear()
        self._alike[line] += 1
        return self._alike[line] <= ENOUGH_ALIKE
