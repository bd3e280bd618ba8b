"""The texts of the repository avoid the words that a reader must read twice."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts/plain_english.py"


def test_no_word_occurs_more_often_than_its_limit() -> None:
    checked = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_every_kind_of_text_is_counted() -> None:
    counted = {str(file.relative_to(SCRIPT.parents[1])) for file in runpy.run_path(str(SCRIPT))["texts"]()}
    examples = {
        "benchmarks/RESULTS.md",
        "Makefile",
        ".ci/run",
        ".ci/bare",
        "scripts/translations.py",
        "docs/folders_page.py",
        "README.md",
    }
    assert (
        examples
        | {"benchmarks/detection.py", "benchmarks/RESULTS.md", "benchmarks/faults/files.py", "src/holter/sentences.py"}
        <= counted
    )


def test_no_word_that_occurs_is_passed_over() -> None:
    script = runpy.run_path(str(SCRIPT))
    for word in script["LIMITS"]:
        for one in re.sub(r"\(\?:.*\)", "its", word).split("|"):
            for said in (one.replace("?", ""), one.replace("s?", "")):
                assert script["occurrences"](word, f"x {said}.") == 1
                assert script["may_occur"](word, f"x {said}."), said


def test_a_word_within_an_identifier_is_counted() -> None:
    count = runpy.run_path(str(SCRIPT))["occurrences"]
    assert [count("told", text) for text in ("_is_told", "self._told_s = 1", "TOLD", "untold, toldyou")] == [1, 1, 1, 0]
