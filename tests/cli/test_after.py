"""The report at the end of ``holter train``, also if somebody made one of the same tape before the end."""

from __future__ import annotations

import shutil
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest

from holter.cli.running.after import write_report
from holter.cli.running.listener import StderrListener
from holter.tape import read

TAPE = Path(__file__).parents[1] / "tapes/quiet/as_usual.holter"


def written(tape: Path) -> str:
    note = StringIO()
    with redirect_stderr(note), StderrListener("en") as speaker:
        write_report(tape, 0, "en", speaker)
    return note.getvalue()


@pytest.mark.parametrize(("tape", "report"), [("run.holter", "run.html"), ("run.1", "run.1.html")])
def test_a_report_made_meanwhile_is_replaced_and_another_file_stays(tmp_path: Path, tape: str, report: str) -> None:
    path = tmp_path / tape
    shutil.copy(TAPE, path)
    assert written(path) == f"holter: wrote {tmp_path / report}\n"
    first = (tmp_path / report).stat().st_mtime_ns
    assert written(path) == f"holter: wrote {tmp_path / report}\n"
    assert (tmp_path / report).stat().st_mtime_ns > first
    (tmp_path / report).write_text("mine")
    assert "exists already" in written(path) and (tmp_path / report).read_text() == "mine"
    assert read(path).finished
