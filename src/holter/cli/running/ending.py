"""End of ``holter run`` and ``holter train``: signals that arrive this late do not change the exit code."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

# Ignored once the training has ended: they would replace its exit code by their own.
LATE = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


class Ending:
    """Keeps the training's exit code whatever signals arrive after its end.

    As a context manager around a run: once ``settle`` was called, Ctrl-C leaves the block without an exception.
    """

    def __init__(self) -> None:
        self._returncode: int | None = None

    def settle(self, returncode: int) -> None:
        """Record the training's exit code (as Popen reports it), and ignore late signals from now on."""
        self._returncode = returncode
        for name in LATE:
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def leave(self) -> NoReturn:
        """Exit with the training's code, or 2 if it is not known."""
        from holter.supervisor.signals import die_like

        sys.exit(2 if self._returncode is None else die_like(self._returncode))

    def __enter__(self) -> Ending:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return self._returncode is not None and kind is not None and issubclass(kind, KeyboardInterrupt)
