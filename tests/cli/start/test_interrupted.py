"""Ctrl-C while a command is imported: no traceback, no line, and the exit code of a shell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Sends itself SIGINT when a module is about to be imported; apart from that it is ``python -m holter``.
INTERRUPTED = """
import os, runpy, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == wanted and self in sys.meta_path:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
        return None

wanted = sys.argv.pop(1)
sys.meta_path.insert(0, Finder())
runpy.run_module("holter", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typer", ("--help",)),
        ("holter.cli", ("list",)),
        ("holter.cli.web", ("diagnose", "nothing.holter")),
        ("holter.cli.studies", ("doctor",)),
        ("holter.supervisor.run", ("run", "--", "true")),
        ("holter.supervisor.train", ("train", "4", "3d_fullres", "0")),
        ("holter.diagnosis.targets", ("diagnose", "nothing.holter")),
        ("holter.reports.runs.rows", ("list",)),
        ("holter.doctor.collect.survey", ("doctor",)),
    ],
)
def test_ctrl_c_during_the_imports_is_no_traceback(module: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, *arguments],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
