"""Often the last sentence is all that somebody has copied of a console."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.texts.secondary_errors import RAISED_BY


@pytest.mark.parametrize("sentence", [sentence for sentence, part in RAISED_BY.items() if part == "training"])
def test_an_echo_without_a_traceback_is_named_as_one(sentence: str, tmp_path: Path) -> None:
    console = tmp_path / "console.txt"
    console.write_text(f"RuntimeError: {sentence}\n")
    done = CliRunner().invoke(app, ["diagnose", str(console), "--json", "--lang", "en"])
    first = json.loads(done.output)["episodes"][0]["diagnosis"][0]
    assert first["cause"] == "secondary-worker-message"
    assert first["verdict"] == "likely"
