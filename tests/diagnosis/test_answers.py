"""The command's answers: exit code, JSON by the published schema, and words in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from diagnosis.logs import v2
from holter.cli import app

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "diagnosis.schema.json").read_text(encoding="utf-8"))
TAPE = Path(__file__).parents[1] / "tapes" / "frozen_worker" / "fault.holter"


@pytest.fixture
def targets(tmp_path: Path) -> dict[str, Path]:
    log = tmp_path / "console.txt"
    log.write_text(v2([160.0] * 8 + [420.0] * 5))
    facts = tmp_path / "evidence.json"
    facts.write_text('{"facts": {"gpu.virtualization": "vgpu", "epochs.shape": "step-up"}}')
    fold = tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0"
    fold.mkdir(parents=True)
    (fold / "training_log_2026_3_1_09_03_25.txt").write_text(v2([160.0] * 5, cut=True))
    (fold / "checkpoint_latest.pth").write_bytes(b"")
    (fold / "debug.json").write_text('{"torch_version": "2.9.0+cu128", "cudnn_version": "91002", "hostname": "n7"}')
    return {"tape": TAPE, "log": log, "evidence": facts, "folder": fold.parent}


@pytest.mark.parametrize("kind", ["tape", "log", "evidence", "folder"])
def test_every_target_is_answered_by_the_same_document(kind: str, targets: dict[str, Path]) -> None:
    done = CliRunner().invoke(app, ["diagnose", str(targets[kind]), "--json", "--lang", "en"])
    assert done.exit_code == 1, done.output
    document = json.loads(done.output)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["target"]["kind"] == kind
    assert ("goodput" in document) == (kind == "tape")
    first = document["episodes"][0]
    assert bool(first["next_looks"]) == (first["diagnosis"][0]["verdict"] != "confirmed")


def test_a_folder_tells_of_versions_and_torn_checkpoints(targets: dict[str, Path]) -> None:
    done = CliRunner().invoke(app, ["diagnose", str(targets["folder"]), "--lang", "en"])
    assert "checkpoint_latest.pth is empty" in done.output
    assert "The log ends in epoch 4" in done.output
    assert "Exceptions are not in nnU-Net's log" in " ".join(done.output.split())


@pytest.mark.slow
def test_chinese_answers_leave_no_english_sentence(targets: dict[str, Path]) -> None:
    for kind in ("log", "evidence", "folder"):
        done = CliRunner().invoke(app, ["diagnose", str(targets[kind]), "--lang", "zh"])
        assert "接下来看什么" in done.output
        for english in ("What ", "epochs", "the log", "not stated", "before epoch"):
            assert english not in done.output, (kind, english)


def test_the_template_is_printed() -> None:
    assert "episode.kind" in CliRunner().invoke(app, ["diagnose", "--evidence-template"]).output
