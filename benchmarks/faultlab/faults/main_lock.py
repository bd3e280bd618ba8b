"""The main process waits for a lock that is never released."""

from __future__ import annotations

from benchmarks.faultlab.standing import Stands


class MainLock(Stands):
    """The user's own training step waits forever for a lock."""

    name = "main-lock"
    summary = "a step of the user's own waits for a lock forever"
    stands_in = "lock"


SCENARIO = MainLock
