"""Requests of the supervisor to the hook: one small file, replaced atomically."""

from __future__ import annotations

import json
from pathlib import Path

from holter.hook.control import FILE
from holter.sentences import define

KEPT = 8
NOT_ASKED = define("act.not-asked", "the request could not be written")


class Control:
    """Writes requests to the training. Each has a number; restarts do not reset the numbers."""

    def __init__(self, scratch: Path) -> None:
        self._path = scratch / FILE
        self._number = 0
        self._requests: list[dict[str, object]] = []

    def ask(self, what: str, text: str, generation: int) -> int | None:
        """Send a request to the training; return its number, or None if the file with the requests cannot be written.

        ``what``: ``replace-workers``, ``checkpoint``, ``checkpoint-here`` or ``stop``. ``text``: its reason or details.
        ``generation``: the number of the process that it is for; a process that replaces this one ignores it.
        """
        self._number += 1
        request = {"number": self._number, "generation": generation, "what": what, "text": text}
        # Earlier requests stay in the file: the hook may not have read them yet, for example during start-up.
        self._requests = [*self._requests, request][-KEPT:]
        new = self._path.with_suffix(".new")
        try:
            new.write_text(json.dumps(self._requests), encoding="utf-8")
            new.replace(self._path)
        except OSError:
            return None
        return self._number
