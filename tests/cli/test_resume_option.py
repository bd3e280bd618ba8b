"""``--resume-command`` is needed hours later: what could not be started then is refused at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from holter.cli.options import checked_resume
from holter.errors import BadInput


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("cd / && python t.py --resume", "&& is for a shell"),
        ("python t.py --resume; date", "; is for a shell"),
        ("python t.py | tee log", r"\| is for a shell"),
        ("python t.py --resume >log", "> is for a shell"),
        ("python 't.py", "No closing quotation"),
        ("  ", "empty"),
        ("", "empty"),
        ("no-such-command-here --resume", "there is no command 'no-such-command-here'"),
    ],
)
def test_what_cannot_be_started_is_refused(option: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        checked_resume(option)


@pytest.mark.parametrize(
    "option", [None, f"{sys.executable} t.py --resume", "bash -c 'cd / && python t.py > log # x'", "env 'A=b;c' true"]
)
def test_what_can_be_is_taken_as_it_is(option: str | None) -> None:
    assert checked_resume(option) == option


def test_nothing_is_started_then(tmp_path) -> None:
    command = ["run", "--heal", "--resume-command", "cd / && true", "--", "touch", "started"]
    done = subprocess.run(
        [sys.executable, "-m", "holter", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and list(tmp_path.iterdir()) == []
    assert "bad-input" in done.stderr and "bash -c" in done.stderr
