"""vgpu-unlicensed: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import json

import pytest

from causes.judge import judged
from holter.diagnosis.targets import diagnose_target


def test_a_vgpu_without_a_licence_that_refuses_has_ended_the_training():
    facts = {"episode.kind": "death", "gpu.virtualization": "vgpu", "gpu.licence_stage": "unlicensed"}
    refused = judged({**facts, "exception.kind": "cuda-refused", "main.waits_on": ...})
    assert (next(iter(refused)), refused["vgpu-unlicensed"].verdict) == ("vgpu-unlicensed", "confirmed")
    assert judged({**facts, "exception.kind": "other"})["vgpu-unlicensed"].verdict == "excluded"


def test_a_death_on_an_unlicensed_vgpu_is_a_death():
    found = judged(
        episode__kind="death", gpu__virtualization="vgpu", gpu__licence_stage="unlicensed-restricted",
        gpu__licence_worsened=True, worker__exit_signal=9, export__replaced=..., shm__trouble=..., oom__kills=0,
    )  # fmt: skip
    assert found["vgpu-unlicensed"].verdict == "excluded"
    assert found["worker-killed"].verdict == "confirmed"


def test_a_licensed_vgpu_and_pass_through_are_not_accused():
    for facts in (
        {"gpu.virtualization": "vgpu", "gpu.licence_stage": "licensed"},
        {"gpu.virtualization": "pass-through"},
    ):
        found = judged(episode__kind="stall", main__waits_on="native-call", queue__ready="full", **facts)
        assert found["vgpu-unlicensed"].verdict == "excluded"


@pytest.mark.parametrize(("licence", "verdict"), [("unlicensed-restricted", "likely"), (None, "excluded")])
def test_a_licence_that_is_seen_to_be_missing_outweighs_a_late_change(tmp_path, licence, verdict):
    """Epochs tell the minute badly: the change came within the sixth, of which the log has only the end."""
    facts = {
        "episode.kind": "slow-down", "gpu.virtualization": "vgpu", "epochs.shape": "step-up",
        "epochs.minutes_to_change": 214, "gpu.licence_stage": licence,
    }  # fmt: skip
    file = tmp_path / "facts.json"
    stated = {name: value for name, value in facts.items() if value is not None}
    file.write_text(json.dumps({"holter_evidence": 1, "facts": stated}))
    (diagnosis,) = diagnose_target(str(file), tell_observed=lambda _: None).diagnoses
    found = {each.cause: each.verdict for each in diagnosis.verdicts}
    assert found["vgpu-unlicensed"] == verdict
