"""Regular expressions that are compiled when they are first used.

Holter knows hundreds of messages. To compile all their patterns took a third of a second of every command, and most
commands need a few.
"""

from __future__ import annotations

import re
from typing import Any, cast


def later(source: str, flags: int = 0) -> re.Pattern[str]:
    """Return what behaves like ``re.compile(source, flags)``, and is compiled at the first use."""
    return cast("re.Pattern[str]", _Later(source, flags))


def either(*sources: str) -> re.Pattern[str]:
    """Return a pattern for any of these, in small or capital letters; ``^`` and ``$`` stand for the ends of a line."""
    return later("|".join(f"(?:{source})" for source in sources), re.IGNORECASE | re.MULTILINE)


class _Later:
    def __init__(self, source: str, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        # Python asks here only once for each name: then the method of the compiled pattern is an attribute.
        value = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, value)
        return value
