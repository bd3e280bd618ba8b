"""cuda-device-assert: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import confirmed, judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestCudaDeviceAssert(ConfirmedLaws, LikelyLaws):
    cause = "cuda-device-assert"
    confirmed_by = {
        "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …",
        "worker.exit_signal": ..., "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ...,
        "exception.truncated_file": False, "gpu.mig": False, "gpu.xid_kind": ..., "setting.compile": ...,
        "gpu.trouble": ..., "oom.kills": 0, "exception.kind": "cuda-assert",
        "exception.assertion": "idx_dim < index_size",
    }  # fmt: skip
    likely_by = (
        {"episode.kind": "death", "exception.kind": "cuda-assert"},
        {"episode.kind": "death", "exception.kind": "label-range", "scope.gpu": False},
    )
    look_alikes = (
        # What CUDA says after a printed assertion may be anything; without one it is an error like any other.
        LookAlike({"exception.kind": "cuda-other", "exception.assertion": ...}, "main-exception"),
        LookAlike({"gpu.xid_kind": "gone", "gpu.trouble": "lost"}, "gpu-lost-or-gsp"),
    )  # fmt: skip


def test_a_printed_assertion_decides_whatever_cuda_says_after_it():
    facts = {**TestCudaDeviceAssert.confirmed_by, "exception.kind": "cuda-other"}
    assert confirmed(judged(facts)) == ["cuda-device-assert"]


def test_no_assertion_fails_on_a_gpu_that_is_not_there():
    facts = {"episode.kind": "death", "exception.kind": "cuda-assert", "scope.gpu": False}
    assert judged(facts)["cuda-device-assert"].verdict == "excluded"
