"""A wait before the training starts, which a signal ends at once and cleanly."""

from __future__ import annotations

import signal
import time

from holter.records.exit_codes import REQUEUE
from holter.supervisor.folds.messages import NOTHING_STARTED

# Sent by a scheduler: requeue. The others end Holter as they would without a wait.
LATER = (signal.SIGUSR1, signal.SIGTERM)
ENDING = (*LATER, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
POLL_EVERY_S = 0.2


class Asked(Exception):
    """A signal asks Holter to end. ``what``: the message about it.

    ``returncode``: the negative signal number, as Popen reports it; or the code of a requeue.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.what = NOTHING_STARTED()
        self.returncode = REQUEUE if number in LATER else -number


class Patience:
    """Catches signals that end a process, and raises Asked only where it is safe: in ``sleep`` and ``check``."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Patience:
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if kind is None:
            self.check()

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``.

        Raises:  Asked if a signal arrives meanwhile.
        """
        until_s = time.monotonic() + seconds
        self.check()
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(POLL_EVERY_S, left_s))
            self.check()

    def check(self) -> None:
        """Raise Asked if a signal has arrived.

        Raises:  Asked.
        """
        if self._asked is not None:
            raise Asked(self._asked)

    def _take(self, number: int, _: object) -> None:
        self._asked = self._asked or number
