"""main-exception: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import confirmed, judged

DIED = {
    "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …", "worker.exit_signal": ...,
    "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "exception.truncated_file": False,
    "gpu.mig": False, "gpu.xid_kind": ..., "setting.compile": ..., "gpu.trouble": ..., "oom.kills": 0,
}  # fmt: skip


SPECIAL = ("compile", "cuda-assert", "cuda-oom", "gpu-lost", "cuda-mismatch", "gpu-missing", "nccl-timeout")


@pytest.mark.parametrize("kind", SPECIAL)
def test_an_exception_with_a_cause_of_its_own_is_not_just_an_exception(kind):
    facts = {**DIED, "exception.kind": kind, "system.container": "docker", "gpu.zombie_bytes": 0}
    found = judged(facts)
    assert found["main-exception"].verdict != "confirmed"
    assert next(iter(found)) != "main-exception"


def test_an_exception_of_no_special_kind_is_the_trainings_own():
    assert confirmed(judged({**DIED, "exception.kind": "other"})) == ["main-exception"]


def test_an_exception_yields_only_to_a_cause_that_is_left():
    """The kind speaks of a licence, and the virtual GPU is licensed and alone."""
    facts = {
        **DIED, "exception.kind": "cuda-refused", "gpu.virtualization": "vgpu", "gpu.licence_stage": "licensed",
        "gpu.shared": ...,
    }  # fmt: skip
    found = judged(facts)
    assert (found["vgpu-unlicensed"].verdict, found["gpu-shared-or-zombie"].verdict) == ("excluded", "excluded")
    assert "its-kind-explains" not in {finding.text for finding in found["main-exception"].against}
    assert confirmed(found) == ["main-exception"]


def test_a_torch_for_the_cpu_alone_is_named():
    found = judged({**DIED, "exception.kind": "cpu-torch", "scope.gpu": False})
    assert confirmed(found) == ["main-exception"]
    assert "cpu-torch" in {finding.text for finding in found["main-exception"].supports}
    assert found["gpu-driver-mismatch"].verdict == "excluded"
