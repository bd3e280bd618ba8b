"""The share with data and results does not answer for five seconds."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import OnHangingShare
from benchmarks.faultlab.fault import Healthy

HANGS_S = 5.0


class ShareHiccup(OnHangingShare, Healthy):
    """Too short to be worth a notice."""

    name = "share-hiccup"
    summary = f"the share with data and results does not answer for {HANGS_S:.0f} s, and is back"
    epochs = 4
    hangs_s = HANGS_S


SCENARIO = ShareHiccup
