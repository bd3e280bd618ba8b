"""gpu-side-stall: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.circumstances import CROWDED_STALL
from causes.judge import judged


def test_nothing_stands_still_on_a_gpu_that_is_not_there():
    assert judged({**CROWDED_STALL, "gpu.present": False})["gpu-side-stall"].verdict == "excluded"
    assert judged({**CROWDED_STALL, "gpu.present": True})["gpu-side-stall"].verdict in ("likely", "confirmed")
