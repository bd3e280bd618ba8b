"""The main process waits for a lock that nobody gives back."""

from __future__ import annotations

from benchmarks.faultlab.standing import Stands


class MainLock(Stands):
    """A step of the user's own waits for a lock for ever."""

    name = "main-lock"
    summary = "a step of the user's own waits for a lock for ever"
    stands_in = "lock"


SCENARIO = MainLock
