"""Workers were forked while a thread held a lock; in the child nobody ever releases it."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class ForkedLock(Armed):
    """All goes well until a worker needs it: then it sleeps for ever."""

    name = "forked-lock"
    summary = "every data worker waits for a lock that was held when it was forked"
    cause = "fork-lock-deadlock"
    acts = True
    trainer = "nnUNetTrainerForkedLock"


SCENARIO = ForkedLock
