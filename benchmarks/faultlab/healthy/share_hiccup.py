"""The share with data and results does not answer for five seconds, and is back."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import OnHangingShare
from benchmarks.faultlab.fault import Healthy

HANGS_S = 5.0


class ShareHiccup(OnHangingShare, Healthy):
    """Shorter than anybody needs to know."""

    name = "share-hiccup"
    summary = f"the share with data and results does not answer for {HANGS_S:.0f} s, and is back"
    epochs = 4
    hangs_s = HANGS_S


SCENARIO = ShareHiccup
