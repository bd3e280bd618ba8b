"""In which folder a training was started that Holter attaches to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.supervisor.attach import _first_folder

PROGRAM = "import os, sys; os.chdir(sys.argv[1]); print('there', flush=True); sys.stdin.read()"


@pytest.mark.parametrize(
    ("told", "goes_to", "known"),
    [
        ("started", ".", True),
        ("link", ".", True),  # as a shell tells it
        (None, ".", True),
        ("started", "..", False),  # hydra, or a launcher that goes to a folder of its own
        ("gone", ".", False),
    ],
)
def test_a_folder_that_the_program_itself_went_to_is_not_taken(tmp_path: Path, told, goes_to: str, known: bool) -> None:
    started = tmp_path / "started"
    started.mkdir()
    (tmp_path / "link").symlink_to(started)
    variables = {name: value for name, value in os.environ.items() if name != "PWD"}
    variables |= {} if told is None else {"PWD": str(tmp_path / told)}
    command = [sys.executable, "-c", PROGRAM, goes_to]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=started, env=variables, text=True, **pipes) as process:
        assert process.stdout is not None and process.stdout.readline() == "there\n"
        folder = _first_folder(process.pid, variables)
        process.communicate("")
    assert folder == (str(started) if known else None)
