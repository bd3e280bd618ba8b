"""Workers were forked while a thread held a lock; in the child it is never released."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class ForkedLock(Armed):
    """A worker runs normally until it needs the lock: then it sleeps forever."""

    name = "forked-lock"
    summary = "every data worker waits for a lock that was held when it was forked"
    cause = "fork-lock-deadlock"
    acts = True
    trainer = "nnUNetTrainerForkedLock"


SCENARIO = ForkedLock
