"""A command that cannot be found: what is wrong with it, before anything is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from holter.errors import CommandNotFound
from holter.reports.catalogue import phrase
from holter.supervisor.run import run


@pytest.mark.parametrize(
    ("command", "what", "next_step"),
    [
        ("./plain.sh", "./plain.sh is not executable.", "chmod +x ./plain.sh"),
        ("./with space", "./with space is not executable.", "chmod +x './with space'"),
        ("./folder", "./folder is a folder, not a command.", "Check the path, and the folder that you are in."),
        ("./nothing", "There is no file ./nothing.", "Check the path, and the folder that you are in."),
        ("./plain.sh/x", "There is no file ./plain.sh/x.", "Check the path, and the folder that you are in."),
        ("plain.sh", "There is no command 'plain.sh' on the PATH.", "Activate the environment that nnU-Net is"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(tmp_path, monkeypatch, command, what, next_step):
    monkeypatch.chdir(tmp_path)
    Path("plain.sh").write_text("echo hello")
    Path("with space").write_text("echo hello")
    Path("folder").mkdir()
    with pytest.raises(CommandNotFound) as caught:
        run((command,), tmp_path / "t.holter", variables={"PATH": str(Path(sys.executable).parent)})
    assert phrase(caught.value.what, "en") == what
    said = caught.value.next_step
    assert (said if isinstance(said, str) else phrase(said, "en")).startswith(next_step)
    assert not (tmp_path / "t.holter").exists()
