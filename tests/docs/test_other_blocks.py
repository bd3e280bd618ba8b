"""No block of README and docs is passed over: what is no command is read by the program that it is meant for."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from needs import needs
from pages import CHECKOUT, FENCE, OTHERS, PAGES, SESSIONS, SHELLS
from test_command_blocks import parse

# Languages of blocks that are no commands, and the tests that read each kind.
READ_BY = {
    "text": "../test_command_blocks.py: a block of it has no command without a prompt",
    "python": "../trainer/test_page_code.py",
    "json": "test_docs.py, and below",
    "toml": "below",
    "yaml": "below",
    "ini": "below",
}
RUN = CliRunner()


def others(language: str) -> list[tuple[str, str]]:
    """The blocks of a language, each with its page; the pages of two languages have them twice."""
    return [
        (str(page.relative_to(CHECKOUT)), match["text"])
        for page in PAGES
        for match in FENCE.finditer(page.read_text(encoding="utf-8"))
        if match["language"] == language
    ]


def without_blocks(text: str) -> str:
    return FENCE.sub("", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_block_is_of_a_kind_that_a_test_reads(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    unread = {match["language"] for match in FENCE.finditer(text)} - {*SHELLS, *SESSIONS, *READ_BY}
    assert unread == set(), "give the block a language of pages.py, or a test of its own"
    # Other ways to write a block, in which nothing would be found.
    assert re.findall(r"^ *(?:~~~|````|```)|<pre", without_blocks(text), re.M) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_no_command_stands_where_none_is_looked_for(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    begins = re.compile(rf"^[ \t]*(?:{'|'.join(sorted({'holter', *OTHERS} - {'text'}, key=len, reverse=True))}) ")
    hidden = [
        line
        for match in FENCE.finditer(text)
        if match["language"] == "text"
        for line in match["text"].splitlines()
        if begins.match(line)
    ]
    # A line that begins with four blanks is a block, too, if it continues no list.
    hidden += [line for line in re.findall(r"(?:\n\n|\A)( {4}[^\n]*)", without_blocks(text)) if begins.match(line)]
    assert hidden == []


@pytest.mark.slow
def test_settings_that_pages_show_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [(page, text) for page, text in others("toml") if not page.endswith("study.md")]  # tests/study reads that
    assert len(shown) == 4
    for page, text in shown:
        (tmp_path / "holter.toml").write_text(text, encoding="utf-8")
        names = set(re.findall(r"^([\w-]+) *=", text, re.M))
        done = subprocess.run(
            [sys.executable, "-m", "holter", "config", "--json"],
            capture_output=True, encoding="utf-8", check=False,
            env={"HOME": str(tmp_path), "PATH": "/nowhere", "XDG_STATE_HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, f"{page}: {done.stderr}"
        assert {row["name"] for row in json.loads(done.stdout)["settings"]} == names, page


def test_an_evidence_file_that_a_page_shows_is_read(tmp_path: Path) -> None:
    shown = [(page, text) for page, text in others("json") if page.endswith("evidence.md")]
    assert len(shown) == 2
    for page, text in shown:
        file = tmp_path / "evidence.json"
        file.write_text(text, encoding="utf-8")
        done = RUN.invoke(app, ["diagnose", str(file)])
        assert done.exit_code == 1, f"{page}: {done.output}"


@needs("prometheus")
def test_prometheus_takes_the_file_that_a_page_shows(tmp_path: Path) -> None:
    (shown, *same) = [text for _, text in others("yaml")]
    assert same == [shown]
    (tmp_path / "prometheus.yml").write_text(shown, encoding="utf-8")
    (tmp_path / "holter.rules.yml").write_text(RUN.invoke(app, ["metrics", "alerts"]).stdout, encoding="utf-8")
    check = ["promtool", "check", "config", "prometheus.yml"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout + done.stderr


def test_a_service_that_a_page_shows_calls_holter_as_it_is(tmp_path: Path) -> None:
    services = 0
    for page, text in others("ini"):
        parser = configparser.RawConfigParser()
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        parser.read_string(re.sub(r"^ +", "", text, flags=re.M))
        assert parser.sections() in (["Service"], ["wsl2"]), page
        if command := parser.get("Service", "ExecStart", fallback=""):
            words = shlex.split(command.replace("%i", "0"))
            assert words[0].endswith("/bin/holter")
            parse(tuple(words[1:]))
            services += 1
    assert services == 2
