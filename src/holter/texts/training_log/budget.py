"""How many lines and exceptions of a minute are kept: a worker may print a warning per batch."""

from __future__ import annotations

from typing import Literal

from holter.records import Event, ExceptionSeen, LogLine, Message
from holter.sentences import define

Level = Literal["info", "warning", "error"]

NOT_KEPT = define("log.not-kept", "({count} lines not kept)", one="({count} line not kept)")

# Kept per minute and level. A data worker may print a warning per batch; a fault prints a few dozen lines.
LINES_PER_MINUTE: dict[Level, int] = {"info": 30, "warning": 30, "error": 60}
# A fault that kills all workers prints two exceptions per process; the first ones matter.
EXCEPTIONS_PER_MINUTE = 60
MAX_LINE_CHARS = 500


class LineBudget:
    """Passes on a bounded number of lines per minute and counts the dropped ones."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._minute: int | None = None
        self._used: dict[Level, int] = {}
        self._exceptions: tuple[int, int] = (0, 0)  # minute, and count in it

    def admit(self, text: str, level: Level, t_s: float, message: Message | None = None) -> list[Event]:
        """Return the event of this line, or an empty list if its level has no lines left in this minute.

        The first line of a new minute is preceded by an event with the number of lines dropped in the minute before.
        """
        events: list[Event] = []
        if int(t_s // 60) != self._minute:
            dropped = sum(max(0, used - LINES_PER_MINUTE[kind]) for kind, used in self._used.items())
            if dropped:
                not_kept = f"({dropped} lines not kept)"
                events.append(LogLine(t_s=t_s, text=not_kept, source=self._source, message=NOT_KEPT(count=dropped)))
            self._minute, self._used = int(t_s // 60), {}
        self._used[level] = self._used.get(level, 0) + 1
        if self._used[level] <= LINES_PER_MINUTE[level]:
            kept = text[:MAX_LINE_CHARS]
            events.append(LogLine(t_s=t_s, text=kept, source=self._source, level=level, message=message))
        return events

    def admit_exception(self, exception: ExceptionSeen) -> bool:
        """Return whether this exception is among the first ``EXCEPTIONS_PER_MINUTE`` of its minute."""
        minute, count = self._exceptions
        now = int(exception.t_s // 60)
        self._exceptions = (now, count + 1 if now == minute else 1)
        return self._exceptions[1] <= EXCEPTIONS_PER_MINUTE
