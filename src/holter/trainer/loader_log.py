"""What Holter's loader says in the training's log."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any

from holter.loader import ReadTrouble
from holter.reports.catalogue import Lang, language, text

LANGUAGE = "HOLTER_LANG"  # of `holter train --lang`; else the locale decides
LANGUAGES = ("en", "zh")


class LoaderLog:
    """Writes to the training's log, from any thread. Holds only a weak hand on it: threads live with the teller."""

    def __init__(self, log: Callable[..., Any]) -> None:
        """``log`` is a method of the trainer."""
        self._log: Callable[[], Callable[..., Any] | None] = (
            weakref.WeakMethod(log) if isinstance(log, MethodType) else lambda: log  # a user put a function there
        )
        asked = os.environ.get(LANGUAGE)
        self._lang: Lang = language(asked if asked in LANGUAGES else None, os.environ)

    def say(self, key: str, **values: object) -> None:
        """One sentence of the catalogue."""
        log = self._log()
        if log is None:
            return
        try:
            log(text(f"loader.{key}", self._lang, **values))
        except UnicodeError:  # neither the log nor a path in it need be in letters that this locale can write
            log(text(f"loader.{key}", "en", **values).encode("ascii", "backslashreplace").decode())

    def trouble(self, trouble: ReadTrouble) -> None:
        """Something about a file; the hook listens here. Called in reading threads, which a log must not end."""
        mount = f" ({trouble.mount}, {trouble.fs_type})" if trouble.mount else ""
        where = f"{trouble.file}{mount}" if trouble.file else "-"
        waited = "-" if trouble.waited_s is None else f"{trouble.waited_s:.0f}"
        with contextlib.suppress(OSError):  # the console is gone
            self.say(f"trouble.{trouble.kind}", case=trouble.case, where=where, detail=trouble.detail, waited=waited)
