"""The last words of a run: whoever is impatient with them does not change its exit code."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

# They would end us, with a code of their own, while the training's is known already.
LATE = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Ending:
    """The end of ``holter run`` and ``holter train``; a context in which Ctrl-C cuts short what comes after it."""

    def __init__(self) -> None:
        self._returncode: int | None = None

    def settle(self, returncode: int) -> None:
        """The training has ended like this (as Popen gives it), and so will we."""
        self._returncode = returncode
        for number in LATE:
            signal.signal(number, signal.SIG_IGN)

    def leave(self) -> NoReturn:
        """End as the training did."""
        from holter.supervisor.signals import die_like

        sys.exit(2 if self._returncode is None else die_like(self._returncode))

    def __enter__(self) -> Ending:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return self._returncode is not None and kind is not None and issubclass(kind, KeyboardInterrupt)
