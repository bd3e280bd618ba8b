"""blosc2-io: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import json

import pytest

from causes.laws import ConfirmedLaws, LikelyLaws
from holter.diagnosis.targets import read_evidence


class TestBlosc2Io(ConfirmedLaws, LikelyLaws):
    cause = "blosc2-io"
    confirmed_by = {
        "episode.kind": "death", "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "main.exit_signal": ..., "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "oom.kills": 0,
        "exception.truncated_file": False, "exception.kind": "blosc2-version", "exception.role": "main",
        "exception.first": "RuntimeError", "system.os": "windows",
    }  # fmt: skip
    likely_by = ({"exception.kind": "blosc2-version"},)  # fmt: skip


@pytest.mark.parametrize(("version", "command"), [("2.6.4", "nnunetv2==2.6.0"), ("2.5.1", "--upgrade nnunetv2")])
def test_where_a_downgrade_helped_its_version_is_named(version: str, command: str) -> None:
    facts = {
        "episode.kind": "death", "exception.kind": "blosc2-version", "exception.first": "RuntimeError: x",
        "software.nnunetv2": version,
    }  # fmt: skip
    diagnosis = read_evidence(json.dumps({"facts": facts}).encode(), "e").diagnoses[0]
    offers = dict(diagnosis.remedies)["blosc2-io"]
    (offer,) = [offer for offer in offers if offer.id == "other-versions"]
    assert command in str(offer.command)
