"""blosc2-io: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws


class TestBlosc2Io(ConfirmedLaws, LikelyLaws):
    cause = "blosc2-io"
    confirmed_by = {
        "episode.kind": "death", "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "main.exit_signal": ..., "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "oom.kills": 0,
        "exception.truncated_file": False, "exception.kind": "blosc2-version", "exception.role": "main",
        "exception.first": "RuntimeError", "system.os": "windows",
    }  # fmt: skip
    likely_by = ({"exception.kind": "blosc2-version"},)  # fmt: skip
