"""compile-toolchain-broken: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestCompileToolchainBroken(ConfirmedLaws, LikelyLaws):
    cause = "compile-toolchain-broken"
    confirmed_by = {
        "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …",
        "worker.exit_signal": ..., "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ...,
        "exception.truncated_file": False, "gpu.mig": False, "gpu.xid_kind": ..., "setting.compile": ...,
        "gpu.trouble": ..., "oom.kills": 0, "exception.kind": "compile", "compile.missing": "compiler",
    }  # fmt: skip
    likely_by = (
        {"episode.kind": "death", "exception.kind": "compile"},
        {"episode.kind": "death", "compile.missing": "old-compiler", "echo.says": "training"},
    )
    look_alikes = (
        # The network cannot be compiled, and nothing is missing.
        LookAlike({"compile.missing": ...}),
        # Kernels are tried out, and memory ends meanwhile.
        LookAlike({"exception.kind": "cuda-oom", "gpu.zombie_bytes": 0}, "gpu-out-of-memory"),
    )  # fmt: skip
