"""Messages of Holter's loader in the training's log."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any

from holter.errors import CodedText
from holter.probes.training.remarks import worded
from holter.reports.catalogue import Lang, language, text

if TYPE_CHECKING:  # the log also says why the loader cannot be imported
    from holter.loader import ReadTrouble

LANGUAGE = "HOLTER_LANG"  # of `holter train --lang`; else the locale decides
LANGUAGES = ("en", "zh")


class LoaderLog:
    """Writes to the training's log from any thread. Its reference to the trainer is weak: threads hold this object."""

    def __init__(self, log: Callable[..., Any]) -> None:
        """``log``: a method of the trainer."""
        self._log: Callable[[], Callable[..., Any] | None] = (
            weakref.WeakMethod(log) if isinstance(log, MethodType) else lambda: log  # a user put a function there
        )
        asked = os.environ.get(LANGUAGE)
        self._lang: Lang = language(asked if asked in LANGUAGES else None, os.environ)

    def say(self, key: str, **values: object) -> None:
        """Log the sentence of this key; values that are texts with a code are translated."""
        log = self._log()
        if log is None:
            return
        values = {name: worded(value) if isinstance(value, CodedText) else value for name, value in values.items()}
        try:
            log(text(f"loader.{key}", self._lang, **values))
        except UnicodeError:  # this locale may be unable to write the log's language or a path in it
            log(text(f"loader.{key}", "en", **values).encode("ascii", "backslashreplace").decode())

    def trouble(self, trouble: ReadTrouble) -> None:
        """Log a problem with a file; the hook wraps this. Runs in reader threads, which a log failure must not end."""
        mount = f" ({trouble.mount}, {trouble.fs_type})" if trouble.mount else ""
        where = f"{trouble.file}{mount}" if trouble.file else None
        values = {"case": trouble.case, "where": where, "detail": trouble.detail, "waited": trouble.waited_s}
        with contextlib.suppress(OSError):  # the console is gone
            self.say(f"trouble.{trouble.kind}", **values)
