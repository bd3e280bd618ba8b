"""Waits before the training starts: a signal ends them at once and cleanly; one is for a lock held on another host."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from holter.records import Message
from holter.records.exit_codes import REQUEUE
from holter.sentences import define
from holter.supervisor.folds.lock import STALE_S, IsHeld
from holter.supervisor.folds.lock_state import host_of
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


LOOK_EVERY_S = 2.0
# A file that stays held although nobody refreshes it: by a process that is paused, or by a file server that still
# counts the lock of a dead host.
NO_LONGER_S = STALE_S + 120.0

WAITS = define(
    "train.waits-for-silent-holder",
    "Another Holter[[ (PID {pid} on {host})]] may train this fold. If it does not refresh its lock within "
    "{most:duration}, it is dead, and this call goes on.",
)
IT_LIVES = define("train.silent-holder-lives", "It has refreshed its lock: that training runs.")


class Elsewhere:
    """Waits for a lock whose holder is on another host: refused once it is heard, taken over once it is certainly dead.

    A scheduler starts a training again seconds after its node has died. Its lock is then young, and nobody can see from
    here whether its holder lives. A living one refreshes the lock every ten seconds. Called by ``FoldLock`` again and
    again; says once what is waited for, and for how long at most.
    """

    def __init__(self, patience: Patience, say: Callable[[Message], None]) -> None:
        self._patience, self._say = patience, say
        self._has_said = False

    def __call__(self, held: IsHeld) -> bool:
        """Wait a moment; return whether to try again.

        Raises:  Asked if a signal asks Holter to end meanwhile: the exit code then is that of a requeue.
        """
        if held.is_heard or held.silent_s > NO_LONGER_S:
            if held.is_heard and self._has_said:
                self._say(IT_LIVES())
            return False
        if not self._has_said:
            self._has_said = True
            left_s = min(STALE_S, max(0.0, STALE_S - held.silent_s))
            pid = held.about.get("pid")
            named = str(pid) if isinstance(pid, int) else None
            self._say(WAITS(pid=named, host=host_of(held.about), most=left_s))
        self._patience.sleep(LOOK_EVERY_S)
        return True
