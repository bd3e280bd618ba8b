"""Completion in real shells; no network is needed, and nothing is installed by showing it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tmux_window import Window

from needs import needs

COMPLETIONS = Path(__file__).resolve().parents[3] / "completions"
ASKED = (
    ("holter expl", "holter explain"),
    ("holter explain frozen-w", "holter explain frozen-worker"),
    ("holter compare --max-s", "holter compare --max-slower"),
    ("holter report a-lo", "holter report a-long-name.holter"),
)


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


@pytest.mark.parametrize("packaged", [True, False], ids=["packaged", "shown"])
def test_bash_completes_commands_options_causes_and_tapes(packaged: bool, path: Path, terminal, tmp_path: Path) -> None:
    (tmp_path / "a-long-name.holter").touch()
    if packaged:
        script = COMPLETIONS / "holter.bash"
    else:
        script = tmp_path / "completion.sh"
        script.write_text(shell("bash", "--norc", "-c", "holter --show-completion; exit $?"))
        assert list(path.iterdir()) == []
    terminal.type(f"source {script}; bind 'set enable-bracketed-paste off'; echo ready-$((1+1))\n")
    terminal.wait_for("ready-2")
    for typed, completed in ASKED:
        terminal.type(f"{typed}\t")
        terminal.wait_for(re.escape(f"{completed} "))
        terminal.type("\x15")  # Ctrl-U


def test_bash_keeps_what_was_installed(path: Path) -> None:
    shell("bash", "--norc", "-c", "holter --install-completion; exit $?")
    installed = [file for file in path.rglob("*") if file.is_file()]
    assert installed and any("_holter_completion" in file.read_text() for file in installed)
    assert (path / ".bashrc").exists()


def completes(window: Window) -> None:
    """Type the start of a line and Tab, as a person does, and wait for the rest of it."""
    for typed, completed in ASKED:
        window("send-keys", "-l", typed)
        window("send-keys", "Tab")
        window.wait(lambda rows, line=completed: any(line in row for row in rows))
        window("send-keys", "C-u")


@pytest.mark.parametrize("packaged", [True, False], ids=["packaged", "installed"])
@needs("zsh", "tmux")
def test_zsh_completes(packaged: bool, path: Path, window: Window, tmp_path: Path) -> None:
    """What the wheel brings lies on the function path; what ``--install-completion`` writes is read from the home."""
    (tmp_path / "a-long-name.holter").touch()
    if packaged:
        setup = f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -u -D"
    else:
        shell("zsh", "-f", "-c", "holter --install-completion; true")  # the last command would take zsh's place
        setup = "source ~/.zshrc"
    window.type(f"export PATH={os.environ['PATH']} HOME={path}; exec zsh -f")
    window.type(f"PS1='$ '; {setup}; clear; echo ready-$((1+1))")
    window.wait(lambda rows: any("ready-2" in row for row in rows))
    if not packaged:  # Typer's script only registers itself at the first Tab
        window("send-keys", "-l", "holter ")
        window("send-keys", "Tab", "C-u")
    completes(window)


@pytest.mark.parametrize("packaged", [True, False], ids=["packaged", "installed"])
@needs("fish", "tmux")
def test_fish_completes(packaged: bool, path: Path, window: Window, tmp_path: Path) -> None:
    (tmp_path / "a-long-name.holter").touch()
    if packaged:
        setup, options = f"source {COMPLETIONS}/holter.fish", "--no-config"
    else:
        shell("fish", "--no-config", "-c", "holter --install-completion")
        setup, options = "true", ""
    # Not typed into fish: while it starts it asks the terminal about itself, and may lose what is typed meanwhile.
    first = shlex.quote(
        f"set -g fish_greeting; function fish_prompt; echo '$ '; end; {setup}; clear; echo ready-(math 1+1)"
    )
    window.type(f"export PATH={os.environ['PATH']} HOME={path}; exec fish {options} --init-command {first}")
    window.wait(lambda rows: [row.strip() for row in rows if row.strip()][-2:] == ["ready-2", "$"])
    completes(window)
