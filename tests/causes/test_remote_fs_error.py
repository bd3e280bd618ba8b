"""remote-fs-error: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.circumstances import DEATH, SIGBUS
from causes.judge import judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestRemoteFsError(ConfirmedLaws, LikelyLaws):
    cause = "remote-fs-error"
    confirmed_by = {
        "episode.kind": "death", "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "main.exit_signal": ..., "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "oom.kills": 0,
        "exception.truncated_file": False, "exception.kind": "remote-file-system", "exception.role": "train-worker",
        "exception.first": "OSError: [Errno 116] Stale file handle", "exception.file": "a.b2nd",
        "storage.fs_type": "nfs4", "workers.case": "a",
    }  # fmt: skip
    likely_by = ({"exception.kind": "remote-file-system"},)  # fmt: skip
    look_alikes = (
        # An error of a local disk.
        LookAlike({"storage.fs_type": "ext4"}),
    )  # fmt: skip


def test_an_error_of_the_mount_while_writing_asks_nothing_of_the_data():
    facts = {**DEATH, "exception.kind": "mount-write", "exception.role": "main", "storage.fs_type": "ext4"}
    found = judged({**facts, "exception.first": "OSError: [Errno 5]"})
    assert (next(iter(found)), found["remote-fs-error"].verdict) == ("remote-fs-error", "likely")
    assert {finding.text for finding in found["remote-fs-error"].supports} == {"mount-refuses-write"}
    assert found["remote-fs-error"].against == ()


def test_a_bus_error_on_a_remote_mount_is_the_mounts_unless_shared_memory_was_full():
    found = judged(SIGBUS)
    assert found["remote-fs-error"].verdict == "likely"
    assert found["worker-killed"].verdict != "confirmed"
    assert found["worker-killed"].score < found["remote-fs-error"].score
    told = judged({**SIGBUS, "storage.kernel_errors": ("nfs: server not responding",)})
    assert told["remote-fs-error"].verdict == "confirmed"
    full = judged({**SIGBUS, "shm.trouble": "bus-error", "shm.used_ratio": 1.0})
    assert full["remote-fs-error"].verdict == "excluded"
    assert judged({**SIGBUS, "storage.fs_type": "ext4"})["worker-killed"].verdict == "confirmed"


def test_a_general_cause_yields_to_the_error_that_has_its_own():
    found = judged(TestRemoteFsError.confirmed_by)
    assert found["worker-exception"].verdict == "likely"
    assert "its-kind-explains" in [finding.text for finding in found["worker-exception"].against]
