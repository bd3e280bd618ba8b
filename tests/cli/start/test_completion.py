"""Completion in real shells; no network is needed, and nothing is installed by showing it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from needs import needs


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the PATH with the command ``holter``, and a home of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "holter"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m holter "$@"\n')
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("HOME", str(home))
    return home


def shell(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bash_completes_commands_options_causes_and_tapes(path: Path, terminal, tmp_path: Path) -> None:
    (tmp_path / "a-long-name.holter").touch()
    script = tmp_path / "completion.sh"
    script.write_text(shell("bash", "--norc", "-c", "holter --show-completion"))
    assert list(path.iterdir()) == []
    terminal.type(f"source {script}; bind 'set enable-bracketed-paste off'; echo ready-$((1+1))\n")
    terminal.wait_for("ready-2")
    for typed, completed in (
        ("holter expl", "holter explain "),
        ("holter explain frozen-w", "holter explain frozen-worker "),
        ("holter compare --max-s", "holter compare --max-slower "),
        ("holter report a-lo", "holter report a-long-name.holter "),
    ):
        terminal.type(f"{typed}\t")
        terminal.wait_for(re.escape(completed))
        terminal.type("\x15")  # Ctrl-U


def test_bash_keeps_what_was_installed(path: Path) -> None:
    shell("bash", "--norc", "-c", "holter --install-completion")
    installed = [file for file in path.rglob("*") if file.is_file()]
    assert installed and any("_holter_completion" in file.read_text() for file in installed)
    assert (path / ".bashrc").exists()


@needs("zsh")
def test_zsh_completes(path: Path) -> None:
    script = shell("zsh", "-f", "-c", "holter --show-completion; true")
    assert script.startswith("#compdef holter")
    asked = 'eval "$(_TYPER_COMPLETE_ARGS="holter expl" _HOLTER_COMPLETE=complete_zsh holter)"'
    assert "explain" in shell("zsh", "-f", "-c", f"_arguments() {{ print -- $@ }}; _describe() {{ print $@ }}; {asked}")


@needs("fish")
def test_fish_completes(path: Path) -> None:
    found = shell("fish", "--no-config", "-c", "holter --show-completion | source; complete -C 'holter expl'")
    assert found.startswith("explain")
