"""The share with data and results does not answer for 40 seconds: a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import OnHangingShare
from benchmarks.faultlab.fault import Fault

HANGS_S = 40.0


class ShareHangs(OnHangingShare, Fault):
    """As with a restarted file server: every call waits, and none fails."""

    name = "share-hangs"
    summary = f"the share with data and results does not answer for {HANGS_S:.0f} s, and is back"
    cause = "slow-storage"
    is_temporary = True
    returns = True
    epochs = 8
    hangs_s = HANGS_S


SCENARIO = ShareHangs
