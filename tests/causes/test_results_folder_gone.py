"""results-folder-gone: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestResultsFolderGone(ConfirmedLaws, LikelyLaws):
    cause = "results-folder-gone"
    confirmed_by = {"episode.kind": "unsaved", "results.gone": "deleted", "save.failed": 2}
    look_alikes = (
        # The folder is there, and nothing can be written.
        LookAlike({"results.gone": ..., "disk.error": "space", "exception.kind": "no-space"}),
        LookAlike({"episode.kind": "slow-down"}),
    )  # fmt: skip
    likely_by = ({"results.gone": "deleted"},)
