"""faulty-host-hardware: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestFaultyHostHardware(ConfirmedLaws, LikelyLaws):
    cause = "faulty-host-hardware"
    confirmed_by = {
        "episode.kind": "death", "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": 11,
        "main.exit_signal": ..., "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "oom.kills": 0,
        "exception.truncated_file": False, "hardware.kernel_errors": ("mce: [Hardware Error]: CPU 3",),
        "hardware.crash_signals": ("SIGBUS", "SIGSEGV"),
    }  # fmt: skip
    likely_by = ({"hardware.kernel_errors": ("mce: Machine check events logged",)},)  # fmt: skip
    look_alikes = (
        # A crash of one kind, and nothing in the kernel log.
        LookAlike(
            {"hardware.kernel_errors": (), "hardware.crash_signals": ("SIGSEGV",)}, "worker-killed", is_confirmed=False
        ),
        # /dev/shm was full.
        LookAlike({"worker.exit_signal": 7, "shm.trouble": "bus-error"}, "shm-too-small"),
    )  # fmt: skip
