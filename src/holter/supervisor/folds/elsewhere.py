"""Wait for a lock whose holder is on another host: refused once it is heard, taken over once it is certainly dead.

A scheduler starts a training again seconds after its node has died. Its lock is then young, and nobody can see from
here whether its holder lives. A living one refreshes the lock every ten seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from holter.records import Message
from holter.sentences import define
from holter.supervisor.folds.lock import STALE_S, IsHeld
from holter.supervisor.folds.lock_state import host_of
from holter.supervisor.folds.patience import Patience

POLL_EVERY_S = 2.0
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
    """Called by ``FoldLock`` again and again; says once what is waited for, and for how long at most."""

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
        self._patience.sleep(POLL_EVERY_S)
        return True
