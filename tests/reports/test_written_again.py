"""A report of a tape's own name is written again; any other file that stands there is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.errors import TapeExists

TAPE = Path(__file__).resolve().parents[1] / "tapes/frozen_worker/workers_sigstop.holter"


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return Path(shutil.copy(TAPE, tmp_path / "t.holter"))


def report(*words: object) -> BaseException | None:
    return CliRunner().invoke(app, ["report", *map(str, words)]).exception


@pytest.mark.parametrize(("options", "name"), [((), "t.html"), (("--scrub",), "t-scrubbed.html")])
def test_a_report_that_was_written_before_is_written_again(options: tuple[str, ...], name: str, tape: Path) -> None:
    for lang, word in (("en", "stopped"), ("zh", "停")):
        assert report(tape, *options, "--lang", lang) is None
        assert word in tape.with_name(name).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("other", ["", "<html>mine</html>", "x" * 5000 + '<meta name="generator" content="Holter">'])
def test_another_file_of_that_name_is_kept(other: str, tape: Path) -> None:
    page = tape.with_name("t.html")
    page.write_text(other)
    assert isinstance(report(tape), TapeExists)
    assert page.read_text() == other
    assert report(tape, "--force") is None


def test_a_report_of_a_name_that_was_given_is_kept(tape: Path) -> None:
    page = tape.with_name("mine.html")
    assert report(tape, "-o", page) is None
    before = page.read_bytes()
    assert isinstance(report(tape, "-o", page), TapeExists)
    assert page.read_bytes() == before
