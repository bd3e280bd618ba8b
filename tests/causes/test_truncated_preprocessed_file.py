"""truncated-preprocessed-file: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestTruncatedPreprocessedFile(ConfirmedLaws, LikelyLaws):
    cause = "truncated-preprocessed-file"
    confirmed_by = {
        "episode.kind": "death", "exception.truncated_file": True, "exception.file": "/p/case.npz",
        "exception.kind": ..., "workers.case": "case", "unpack.raced": False, "storage.kernel_errors": False,
    }  # fmt: skip
    look_alikes = (
        # The case itself is bad, and its file is whole.
        LookAlike(
            {"exception.truncated_file": ..., "exception.role": "train-worker", "exception.first": "ValueError: x"},
            "worker-exception",
            is_confirmed=False,
        ),
        # Another fold still unpacks that file.
        LookAlike({"unpack.raced": True}, "fold-start-race", is_confirmed=False),
        # The disk itself fails.
        LookAlike({"storage.kernel_errors": True}),
    )  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.truncated_file": True},)
